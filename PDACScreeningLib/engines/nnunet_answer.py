"""What an nnU-Net answered, as the values that the chain judges: the same as those of the paper's networks."""

from __future__ import annotations

import numpy as np

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.engines.nnunet_step import StepAnswer
from PDACScreeningLib.inference.coarse_to_fine import (
    ScaleSegmentation,
    Segmentation,
    mean_tumor_probability,
    tumor_evidence,
)
from PDACScreeningLib.inference.lesion_candidates import candidate_score
from PDACScreeningLib.inference.postprocessing import filter_components
from PDACScreeningLib.network.nnunet_model import FoldFile, NnunetStep
from PDACScreeningLib.volume.anatomy import AnatomyPart, Structure
from PDACScreeningLib.volume.box import Box, bounding_box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.part import VolumePart


def fold_evidence(
    fold: FoldFile, answer: StepAnswer, *, step: NnunetStep, windows: int, config: ScreeningConfig
) -> ScaleSegmentation:
    """What one training alone would segment in the region; the rule says whether it would call it."""
    labels = filter_components(answer.labels, config.components)
    in_gland = answer.tumor_probability[labels != Label.BACKGROUND]
    return ScaleSegmentation(
        patch_size=max(step.patch_size),
        labels=labels,
        mean_tumor_probability=mean_tumor_probability(labels, answer.tumor_probability),
        windows=windows,
        windows_skipped=0,
        evidence=tumor_evidence(in_gland, config.decision),
        name=f"fold {fold.name}",
    )


def segmentation_of(
    answer: StepAnswer,
    roi: Box,
    scales: tuple[ScaleSegmentation, ...],
    ct: CTVolume,
    config: ScreeningConfig,
    *,
    one_step: bool,
    looked_at: tuple[Structure, ...] = (),
) -> Segmentation | None:
    """The answer in the whole scan. answer: of `roi`. scales: what each fold alone says. looked_at: what it can see.

    one_step: no first network found the region, so that an empty answer means that no pancreas was found: None.
    """
    found = bounding_box(answer.labels)
    if found is None and one_step:
        return None
    anatomy = None
    if answer.structures is not None:
        anatomy = AnatomyPart(VolumePart(answer.structures, roi, ct.geometry), looked_at)
    labels = np.zeros(ct.geometry.shape, np.uint8)
    labels[roi.slices] = filter_components(answer.labels, config.components)
    return Segmentation(
        coarse_box=roi if found is None else _moved(found, roi),
        roi=roi,
        labels=labels,
        tumor_probability=answer.tumor_probability,
        scales=scales,
        unfiltered_labels=answer.labels,
        protocol="exact",
        candidate_score=candidate_score(answer.tumor_probability, answer.labels),
        anatomy=anatomy,
    )


def _moved(box: Box, within: Box) -> Box:
    """A box of the region, as a box of the whole scan."""
    (z0, y0, x0), (z1, y1, x1) = box.start, box.stop
    z, y, x = within.start
    return Box((z0 + z, y0 + y, x0 + x), (z1 + z, y1 + y, x1 + x))
