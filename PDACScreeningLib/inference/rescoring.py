"""Scoring segments that a reviewer has edited: c of Eq. 1 on another segmentation, with the networks' probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.errors import GeometryMismatch, OlderResult, ResultError
from PDACScreeningLib.finding_regions import with_native_volumes
from PDACScreeningLib.inference.assessment import box_reaches_border, doubts, left_out_warning
from PDACScreeningLib.inference.judgment import Judgment, judge
from PDACScreeningLib.inference.postprocessing import filter_components
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.screening_json import OLDER_RESULT
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.structure_measures import StructureMeasures
from PDACScreeningLib.training_range import UNLIKE
from PDACScreeningLib.volume.arrays import LABELS_ZYX
from PDACScreeningLib.volume.box import bounding_box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart
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
    ai: Screening,
    ai_labels: VolumePart[np.uint8],
    edited: VolumePart[np.uint8],
    tumor_probability: VolumePart[np.float32],
    ct: CTVolume,
) -> Rescoring:
    """Component filter, rule, score and findings of edited labels, on the working grid and with the K of the AI's run.

    ai: the untouched answer; its protocol says how to count, and its evidence of single networks stays as it is.
    ai_labels, edited (values of Label), tumor_probability, ct: of the scan's own grid. Only the gland is looked at and
    never copied whole: a reader waits for this. Labels that were not edited give back `ai` as it is: the way through
    the scan's grid would change a few voxels. Nothing left gives INDETERMINATE. Raises ValueError when `ai` holds no
    protocol, OlderResult when it was written by an older version, GeometryMismatch for foreign grids, ResultError when
    the CT, the AI's labels or the probability are not those that `ai` is bound to by digests.
    """
    if ai.protocol is None:
        raise ValueError("a screening without a protocol cannot be scored again: nothing says how to count")
    if not ai.can_be_scored_again:
        raise OlderResult(OLDER_RESULT)
    if not all(part.geometry.is_close(ct.geometry) for part in (ai_labels, edited, tumor_probability)):
        raise GeometryMismatch("the segments lie on another grid than the CT: export both on the CT's grid")
    _require_own(ai, ai_labels, tumor_probability, ct)
    box = ai_labels.box.around(edited.box)
    before, after = ai_labels.inside(box), edited.inside(box)
    changes = tuple(_change(label, before, after) for label in (Label.PANCREAS, Label.TUMOR))
    if np.array_equal(before, after):
        return Rescoring(ai, changes)
    judgment = _judged(_grid_of(ct.geometry, ai.protocol), ai.protocol, edited, tumor_probability, ct)
    if judgment is None:
        return Rescoring(_nothing_left(ai), changes)
    warnings = (EDITED, *judgment.warnings, *_still_true(ai, ai.protocol))
    scored = replace(ai, **{**vars(judgment), "warnings": warnings, "anatomy": _without_contacts(ai)})
    return Rescoring(with_native_volumes(scored, LabelMap(edited.values, edited.part_geometry)), changes)


def _judged(
    grid: WorkingGrid,
    protocol: Protocol,
    edited: VolumePart[np.uint8],
    tumor_probability: VolumePart[np.float32],
    ct: CTVolume,
) -> Judgment | None:
    """What edited labels say on the working grid; None when they hold neither pancreas nor tumor there."""
    drawn = grid.labels_part_to_working(edited)
    if not drawn.values.any():
        return None
    gland = bounding_box(filter_components(drawn.values, protocol.components) != Label.BACKGROUND)
    at_border = gland is not None and box_reaches_border(
        gland.within(drawn.box), grid.working.shape, grid.working_planes(ct)
    )
    return judge(
        drawn.values,
        grid.probability_part_to_working(tumor_probability, drawn.box),
        grid.ct_part_to_working(ct, drawn.box),
        protocol,
        at_border=at_border,
        native_spacing_mm=ct.geometry.spacing_mm,
    )


def _still_true(ai: Screening, protocol: Protocol) -> Iterator[str]:
    """The warnings about the scan and the run; those about the AI's segments may not hold for the edited ones."""
    removed = ai.removed_tumor_voxels or 0
    of_segments = {
        *doubts(
            protocol,
            pancreas_voxels=ai.pancreas_voxels or 0,
            tumor_voxels=ai.tumor_voxels or 0,
            removed_tumor_voxels=removed,
            reaches_border=True,
        )
    }
    of_segments.add(left_out_warning(protocol, removed))
    yield from (warning for warning in ai.warnings if warning not in of_segments and not warning.startswith(UNLIKE))


def _without_contacts(ai: Screening) -> tuple[StructureMeasures, ...]:
    """Vessels and ducts as they were; how the edited tumor touches them was not measured."""
    return tuple(replace(measures, longest_contact_mm=None, largest_contact_degrees=None) for measures in ai.anatomy)


def _require_own(
    ai: Screening, labels: VolumePart[np.uint8], probability: VolumePart[np.float32], ct: CTVolume
) -> None:
    """Raise ResultError unless these are the voxels of the AI's answer: those of another scan fit its grid, too."""
    if ai.input is None or ai.input.voxels_sha256 != voxels_sha256(ct.hu):
        raise ResultError("the CT is not the one that was screened: it was changed, or is another scan's")
    for what, digest in (("labels", labels.sha256()), ("tumor probability", probability.sha256())):
        if digest not in ai.result_voxels_sha256.values():
            raise ResultError(f"the {what} are not those of this result: they were changed, or are another scan's")


def _nothing_left(ai: Screening) -> Screening:
    return replace(
        ai,
        outcome=Outcome.INDETERMINATE,
        reason=NOTHING_LEFT,
        rule_call=None,
        removed_tumor_voxels=None,
        score=None,
        tumor_voxels=None,
        tumor_volume_mm3=None,
        pancreas_voxels=None,
        pancreas_volume_mm3=None,
        native_tumor_volume_mm3=None,
        native_pancreas_volume_mm3=None,
        mean_tumor_probability=None,
        findings=(),
        anatomy=_without_contacts(ai),
        warnings=(EDITED, *ai.warnings),
    )


def _grid_of(native: Geometry, protocol: Protocol) -> WorkingGrid:
    """The working grid the AI's run had. Raises GeometryMismatch when the scan's grid does not lead to it."""
    grid = working_grid(native, protocol.working_spacing_mm)
    if not np.allclose(grid.working.spacing_mm, protocol.working_spacing_mm_xyz, rtol=1e-6):
        raise GeometryMismatch("the scan's grid does not lead to the working grid of the screening: it is another scan")
    return grid


def _change(label: Label, ai_labels: LABELS_ZYX, edited: LABELS_ZYX) -> SegmentChange:
    before, after = ai_labels == label, edited == label
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
