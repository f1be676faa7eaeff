"""One scan against its truth: by each network alone, by all of them together, and by what the paper advises against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.evaluation.lesion_detection import LesionCandidate, candidates
from PDACScreeningLib.evaluation.settings import ReadingSettings
from PDACScreeningLib.evaluation.surface_agreement import surface_agreement
from PDACScreeningLib.inference.coarse_to_fine import Segmentation, mean_tumor_probability, segment, tumor_evidence
from PDACScreeningLib.inference.engine import CoarseToFine, Engine
from PDACScreeningLib.inference.findings import longest_diameter_mm
from PDACScreeningLib.inference.judgment import confidence_score
from PDACScreeningLib.inference.screening import doubt_about
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import XYZ
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.working_grid import working_grid

COMBINED = "Multi"  # the paper's name for the three networks together
NO_FILTER = "Multi, no component filter"
PAPERS_MEAN = "Multi, the paper's mean"  # beside "Multi", where a model combines its networks in another way
OVERLAPS_FROM = 0.1  # DSC of a tumor that was found, and not only something in its scan
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

    @property
    def overlaps(self) -> bool:
        """Whether what was segmented as tumor is the tumor at all: a DSC of at least 0.1."""
        return self.tumor.dice is not None and self.tumor.dice >= OVERLAPS_FROM


@dataclass(frozen=True)
class NativeAgreement:
    """DSC of "Multi" on the scan's own grid, as the paper and challenges measure it; None when both are empty."""

    pancreas: float | None
    tumor: float | None


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
    traits: tuple[str, ...] = ()  # what the data set tells of the case, such as its contrast or a confounder
    native: NativeAgreement | None = None  # None where the store does not keep the truth on the scan's own grid
    doubt: str | None = None  # why it is not assessable unless called, "" where it is; None in earlier readings

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
    evidence: float = 0.0


def row_names(alone: Sequence[str], config: ScreeningConfig) -> tuple[str, ...]:
    """The rows of Table 1: each network alone, then all together; twice where that is not the paper's mean."""
    return (*alone, COMBINED) if is_papers_mean(config) else (*alone, COMBINED, PAPERS_MEAN)


def is_papers_mean(config: ScreeningConfig) -> bool:
    """Whether the networks are combined as in section 2.3: mean of probabilities, then the most likely label."""
    return _with_papers_mean(config) == config


def _with_papers_mean(config: ScreeningConfig) -> ScreeningConfig:
    return replace(config, combination="mean", min_tumor_probability=0.0)


def read_case(
    case_id: str,
    ct: CTVolume,
    truth: NDArray[np.uint8],
    engine: Engine,
    settings: ReadingSettings,
    on_progress: OnProgress = ignore_progress,
    *,
    patient_id: str | None = None,
    fold: int | None = None,
    traits: tuple[str, ...] = (),
    native_truth: LabelMap | None = None,
    working_spacing_mm: float | None = None,
) -> Reading:
    """Segment one scan and compare on the working grid. ct, truth (z, y, x) labels: both of the working grid.

    Without patient_id the case is its own patient. native_truth: on the scan's own grid, where that is known;
    working_spacing_mm: that `ct` was made with from it. Passes on what the engine raises.
    """
    config = engine.config_on(ct.geometry)
    segmentation = engine.segment(ct, on_progress, protocol=settings.protocol)
    answers = _answers(segmentation, engine.network_names, config, ct)
    if isinstance(engine, CoarseToFine):
        answers |= _ablations(engine, ct, settings, on_progress)
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
        traits=traits,
        native=None if native_truth is None else _native_agreement(combined, native_truth, working_spacing_mm),
        doubt=doubt_about(segmentation, ct, engine, None if native_truth is None else native_truth.geometry.spacing_mm),
    )
    return Reading(result, combined)


def _ablations(
    engine: CoarseToFine, ct: CTVolume, settings: ReadingSettings, on_progress: OnProgress
) -> dict[str, _Answer]:
    """What the paper advises against, or does another way, of the networks of the paper."""
    config, protocol = engine.config, settings.protocol
    answers: dict[str, _Answer] = {}
    if not is_papers_mean(config):
        papers = _with_papers_mean(config)
        by_mean = replace(engine, config=papers).segment(ct, on_progress, protocol=protocol)
        answers[PAPERS_MEAN] = _answers(by_mean, engine.network_names, papers, ct)[COMBINED]
    if settings.whole_volume:
        whole_box = Box((0, 0, 0), ct.geometry.shape)
        full = engine.in_full_precision
        everywhere = segment(
            ct, engine.networks, config, on_progress, region=whole_box, protocol=protocol, in_full_precision=full
        )
        whole = _answers(everywhere, engine.network_names, config, ct)
        answers |= {WHOLE_VOLUME.format(name): whole[name] for name in (*engine.network_names[1:], COMBINED)}
    return answers


def _answers(
    segmentation: Segmentation | None, networks: Sequence[str], config: ScreeningConfig, ct: CTVolume
) -> dict[str, _Answer]:
    """The rows in order, then the networks together without the component filter. Outside the ROI: background."""
    names = (*networks, COMBINED, NO_FILTER)
    if segmentation is None:
        return {name: _Answer(np.zeros(ct.geometry.shape, np.uint8), None) for name in names}
    in_roi = [_Answer(scale.labels, scale.mean_tumor_probability, scale.evidence) for scale in segmentation.scales]
    probability = segmentation.tumor_probability
    for labels in (segmentation.labels[segmentation.roi.slices], segmentation.unfiltered_labels):
        evidence = tumor_evidence(probability[labels != Label.BACKGROUND], config.decision)
        in_roi.append(_Answer(labels, mean_tumor_probability(labels, probability), evidence))
    return {
        name: replace(answer, labels=_everywhere(answer.labels, segmentation, ct))
        for name, answer in zip(names, in_roi, strict=True)
    }


def _everywhere(in_roi: NDArray[np.uint8], segmentation: Segmentation, ct: CTVolume) -> NDArray[np.uint8]:
    labels = np.zeros(ct.geometry.shape, np.uint8)
    labels[segmentation.roi.slices] = in_roi
    return labels


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
        score=confidence_score(
            tumor_voxels, answer.mean_tumor_probability, answer.evidence, config.decision, config.score
        ),
    )


def _native_agreement(labels: NDArray[np.uint8], truth: LabelMap, spacing_mm: float | None) -> NativeAgreement:
    """The labels of the working grid, brought to the scan's own as `screen` writes them, against its truth."""
    found = working_grid(truth.geometry, spacing_mm).labels_to_native(labels).labels
    return NativeAgreement(
        pancreas=dice(found != Label.BACKGROUND, truth.labels != Label.BACKGROUND),
        tumor=dice(found == Label.TUMOR, truth.labels == Label.TUMOR),
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
