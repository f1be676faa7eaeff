"""One scan against its truth: by each network alone, by all of them together, and by what the paper advises against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.evaluation.lesion_detection import LesionCandidate, candidates
from PDACScreeningLib.evaluation.settings import ReadingSettings
from PDACScreeningLib.evaluation.surface_agreement import surface_agreement
from PDACScreeningLib.inference.coarse_to_fine import Segmentation, mean_tumor_probability, segment
from PDACScreeningLib.inference.findings import longest_diameter_mm
from PDACScreeningLib.inference.judgment import confidence_score
from PDACScreeningLib.inference.sliding_window import WindowNetwork
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import XYZ
from PDACScreeningLib.volume.label_map import Label

COMBINED = "Multi"  # the paper's name for the three networks together
NO_FILTER = "Multi, no component filter"
WHOLE_VOLUME = "{}, whole volume"


@dataclass(frozen=True)
class Agreement:
    """A structure against its truth. dice: None when both are empty. The others: None when either is empty."""

    dice: float | None
    nsd: float | None
    hd95_mm: float | None


@dataclass(frozen=True)
class RowResult:
    """What one row of Table 1 says of one scan."""

    pancreas: Agreement  # pancreas and tumor together against both in the truth
    tumor: Agreement
    tumor_voxels: int
    mean_tumor_probability: float | None  # over its own tumor voxels; None when it has none
    score: float


@dataclass(frozen=True)
class CaseResult:
    """All rows for one scan. coarse_found is False when the coarse scan was empty; every row is empty then."""

    case_id: str
    patient_id: str
    fold: int | None  # of the model that read it, from 0; None without folds
    true_tumor_voxels: int
    true_tumor_diameter_mm: float | None  # longest, in 3D, on the working grid; None without a tumor
    coarse_found: bool
    rows: dict[str, RowResult]  # "64^3", "32^3", "16^3", "Multi", then the ablations
    candidates: tuple[LesionCandidate, ...]  # of "Multi"

    @property
    def has_tumor(self) -> bool:
        """Whether the truth holds a tumor."""
        return self.true_tumor_voxels > 0


@dataclass(frozen=True, eq=False)
class Reading:
    """A result, and the label map (z, y, x) uint8 of the networks together that it was made from."""

    result: CaseResult
    labels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class _Answer:
    """What one row of Table 1 segments in a scan. labels: (z, y, x) of the whole volume."""

    labels: NDArray[np.uint8]
    mean_tumor_probability: float | None


def row_names(config: ScreeningConfig) -> tuple[str, ...]:
    """The rows of Table 1: each network alone, then all together."""
    return (*(f"{scale.patch_size}^3" for scale in config.scales), COMBINED)


def read_case(
    case_id: str,
    ct: CTVolume,
    truth: NDArray[np.uint8],
    networks: Mapping[int, WindowNetwork],
    config: ScreeningConfig,
    settings: ReadingSettings,
    on_progress: OnProgress = ignore_progress,
    *,
    patient_id: str | None = None,
    fold: int | None = None,
) -> Reading:
    """Segment one scan and compare on the working grid. ct, truth (z, y, x) labels: both of the working grid.

    Without a patient the case is one of its own. Passes on what `segment` raises.
    """
    segmentation = segment(ct, networks, config, on_progress, protocol=settings.protocol)
    answers = _answers(segmentation, config, ct)
    if settings.whole_volume:
        whole_box = Box((0, 0, 0), ct.geometry.shape)
        everywhere = segment(ct, networks, config, on_progress, region=whole_box, protocol=settings.protocol)
        whole = _answers(everywhere, config, ct)
        answers |= {WHOLE_VOLUME.format(name): whole[name] for name in row_names(config)[1:]}
    tumor = truth == Label.TUMOR
    combined = answers[COMBINED].labels
    result = CaseResult(
        case_id=case_id,
        patient_id=case_id if patient_id is None else patient_id,
        fold=fold,
        true_tumor_voxels=int(np.count_nonzero(tumor)),
        true_tumor_diameter_mm=longest_diameter_mm(tumor, ct.geometry) if tumor.any() else None,
        coarse_found=segmentation is not None,
        rows={name: _row(answer, truth, ct.geometry.spacing_mm, config, settings) for name, answer in answers.items()},
        candidates=candidates(
            combined == Label.TUMOR,
            tumor,
            _probability_everywhere(segmentation, ct),
            config,
            min_overlap=settings.min_overlap,
        ),
    )
    return Reading(result, combined)


def _answers(segmentation: Segmentation | None, config: ScreeningConfig, ct: CTVolume) -> dict[str, _Answer]:
    """The rows in order, then the networks together without the component filter. Outside the ROI: background."""
    names = (*row_names(config), NO_FILTER)
    if segmentation is None:
        return {name: _Answer(np.zeros(ct.geometry.shape, np.uint8), None) for name in names}
    in_roi = [(scale.labels, scale.mean_tumor_probability) for scale in segmentation.scales]
    for labels in (segmentation.labels[segmentation.roi.slices], segmentation.unfiltered_labels):
        in_roi.append((labels, mean_tumor_probability(labels, segmentation.tumor_probability)))
    answers = {}
    for name, (labels, mean) in zip(names, in_roi, strict=True):
        everywhere = np.zeros(ct.geometry.shape, np.uint8)
        everywhere[segmentation.roi.slices] = labels
        answers[name] = _Answer(everywhere, mean)
    return answers


def _probability_everywhere(segmentation: Segmentation | None, ct: CTVolume) -> NDArray[np.float32]:
    probability = np.zeros(ct.geometry.shape, np.float32)
    if segmentation is not None:
        probability[segmentation.roi.slices] = segmentation.tumor_probability
    return probability


def _row(
    answer: _Answer, truth: NDArray[np.uint8], spacing_mm: XYZ, config: ScreeningConfig, settings: ReadingSettings
) -> RowResult:
    tumor_voxels = int(np.count_nonzero(answer.labels == Label.TUMOR))
    foreground = answer.labels != Label.BACKGROUND
    return RowResult(
        pancreas=_agreement(foreground, truth != Label.BACKGROUND, spacing_mm, settings),
        tumor=_agreement(answer.labels == Label.TUMOR, truth == Label.TUMOR, spacing_mm, settings),
        tumor_voxels=tumor_voxels,
        mean_tumor_probability=answer.mean_tumor_probability,
        score=confidence_score(tumor_voxels, answer.mean_tumor_probability, config.decision, config.score),
    )


def _agreement(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_], spacing_mm: XYZ, settings: ReadingSettings
) -> Agreement:
    surfaces = surface_agreement(prediction, truth, spacing_mm, tolerance_mm=settings.surface_tolerance_mm)
    coefficient = dice(prediction, truth)
    if surfaces is None:
        return Agreement(coefficient, None, None)
    return Agreement(coefficient, surfaces.nsd, surfaces.hd95_mm)


def dice(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float | None:
    """DSC of two masks of one shape; None when both are empty, 0 when only one is.

    Raises ValueError when the shapes differ.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"masks differ in shape: {prediction.shape} and {truth.shape}")
    total = int(np.count_nonzero(prediction)) + int(np.count_nonzero(truth))
    if total == 0:
        return None
    return 2 * int(np.count_nonzero(prediction & truth)) / total
