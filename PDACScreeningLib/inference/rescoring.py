"""Scoring segments that a reviewer has edited: c of Eq. 1 on another segmentation, with the networks' probabilities."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import GeometryMismatch, OlderResult
from PDACScreeningLib.finding_regions import with_native_volumes
from PDACScreeningLib.inference.judgment import judge
from PDACScreeningLib.inference.postprocessing import keep_large_components
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.screening_json import OLDER_RESULT
from PDACScreeningLib.screening_result import Protocol, Screening
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.working_grid import WorkingGrid, working_grid

EDITED = (
    "A reviewer edited the segments of the AI; the numbers are those of the edited segments, at the stored probability."
)
NOTHING_LEFT = "The edited segments hold neither pancreas nor tumor. This is not a normal result."


@dataclass(frozen=True)
class SegmentChange:
    """What editing did to one segment, in voxels of the scan's own grid."""

    name: str
    ai_voxels: int
    edited_voxels: int
    added_voxels: int
    removed_voxels: int
    dice: float | None  # of the AI's segment and the edited one; None when both are empty


@dataclass(frozen=True)
class Rescoring:
    """The answer for edited segments, and what was edited."""

    screening: Screening
    changes: tuple[SegmentChange, ...]


def rescore(
    ai: Screening, ai_labels: LabelMap, edited: LabelMap, tumor_probability: NDArray[np.float32], ct: CTVolume
) -> Rescoring:
    """Component filter, rule, score and findings of edited labels, on the working grid and with the K of the AI's run.

    ai: the untouched answer; its protocol says how to count, and its evidence of single networks stays as it is.
    ai_labels, edited, tumor_probability, ct: on the scan's own grid; (z, y, x) float32 probability of the networks.
    Labels that were not edited give back `ai` as it is: the way through the scan's grid would change a few voxels.
    Nothing left gives INDETERMINATE. Raises ValueError when `ai` holds no protocol, OlderResult when it
    was written by an older version, GeometryMismatch for foreign grids.
    """
    if ai.protocol is None:
        raise ValueError("a screening without a protocol cannot be scored again: nothing says how to count")
    if not ai.can_be_scored_again:
        raise OlderResult(OLDER_RESULT)
    if not (ai_labels.geometry.is_close(ct.geometry) and edited.geometry.is_close(ct.geometry)):
        raise GeometryMismatch("the segments lie on another grid than the CT: export both on the CT's grid")
    changes = tuple(_change(label, ai_labels, edited) for label in (Label.PANCREAS, Label.TUMOR))
    if np.array_equal(ai_labels.labels, edited.labels):
        return Rescoring(ai, changes)
    grid = _grid_of(ct.geometry, ai.protocol)
    drawn = grid.labels_to_working(edited)
    labels = keep_large_components(drawn, min_fraction=ai.protocol.components.min_fraction)
    if not labels.any():
        return Rescoring(_nothing_left(ai), changes)
    probability, working = grid.probability_to_working(tumor_probability), grid.to_working(ct)
    judgment = judge(labels, probability, working, ai.protocol.decision, ai.protocol.score)
    left_out = _left_out(drawn, labels, ai.protocol)
    scored = replace(ai, **vars(judgment), warnings=(EDITED, *left_out, *ai.warnings))
    return Rescoring(with_native_volumes(scored, edited), changes)


def _nothing_left(ai: Screening) -> Screening:
    return replace(
        ai,
        outcome=Outcome.INDETERMINATE,
        reason=NOTHING_LEFT,
        score=None,
        tumor_voxels=None,
        tumor_volume_mm3=None,
        pancreas_voxels=None,
        pancreas_volume_mm3=None,
        native_tumor_volume_mm3=None,
        native_pancreas_volume_mm3=None,
        mean_tumor_probability=None,
        findings=(),
        warnings=(EDITED, *ai.warnings),
    )


def _left_out(drawn: NDArray[np.uint8], kept: NDArray[np.uint8], protocol: Protocol) -> tuple[str, ...]:
    """A reviewer must know when the component filter took away what was painted apart from the rest."""
    voxels = int(np.count_nonzero((drawn == Label.TUMOR) & (kept != Label.TUMOR)))
    if voxels == 0:
        return ()
    share = f"{100 * protocol.components.min_fraction:g} % of the largest region"
    some = "1 tumor voxel was left out: it lies" if voxels == 1 else f"{voxels} tumor voxels were left out: they lie"
    return (f"{some} in a separate region of not more than {share}.",)


def _grid_of(native: Geometry, protocol: Protocol) -> WorkingGrid:
    """The working grid the AI's run had. Raises GeometryMismatch when the scan's grid does not lead to it."""
    grid = working_grid(native, protocol.working_spacing_mm)
    if not np.allclose(grid.working.spacing_mm, protocol.working_spacing_mm_xyz, rtol=1e-6):
        raise GeometryMismatch("the scan's grid does not lead to the working grid of the screening: it is another scan")
    return grid


def _change(label: Label, ai_labels: LabelMap, edited: LabelMap) -> SegmentChange:
    before, after = ai_labels.labels == label, edited.labels == label
    ai_voxels, edited_voxels = int(np.count_nonzero(before)), int(np.count_nonzero(after))
    common = int(np.count_nonzero(before & after))
    total = ai_voxels + edited_voxels
    return SegmentChange(
        name=label.name.capitalize(),
        ai_voxels=ai_voxels,
        edited_voxels=edited_voxels,
        added_voxels=edited_voxels - common,
        removed_voxels=ai_voxels - common,
        dice=2 * common / total if total else None,
    )
