"""Readings made up for tests: what a case would be found to be, without a scan."""

from PDACScreeningLib.evaluation.bootstrap import PatientBootstrap
from PDACScreeningLib.evaluation.case_result import Agreement, CaseResult, RowResult
from PDACScreeningLib.evaluation.lesion_detection import LesionCandidate

FEW_SAMPLES = PatientBootstrap(samples=200, seed=0)


def row(*, voxels=0, score=0.0, pancreas=0.8, tumor=None):
    """One row of Table 1. tumor: its DSC, None without a tumor in truth and answer."""
    mean = score if voxels else None
    return RowResult(Agreement(pancreas, pancreas, 2.0), Agreement(tumor, tumor, 3.0), voxels, mean, score)


def reading(name, *, diameter_mm=None, patient=None, fold=None, rows=("Multi",), candidates=None, **facts):
    """A reading with the same figures in every row; diameter_mm None: no tumor."""
    has_tumor = diameter_mm is not None
    one = row(**{"tumor": 0.5 if has_tumor else None, **facts})
    if candidates is None:
        candidates = (LesionCandidate(has_tumor, one.score, 0.5),) if has_tumor or one.tumor_voxels else ()
    return CaseResult(
        case_id=name,
        patient_id=patient or name,
        fold=fold,
        true_tumor_voxels=900 if has_tumor else 0,
        true_tumor_diameter_mm=diameter_mm,
        coarse_found=True,
        rows=dict.fromkeys(rows, one),
        candidates=candidates,
    )
