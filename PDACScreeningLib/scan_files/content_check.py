"""Is what the slices show what a scanner measured there?

A file keeps its grid whatever is put into it: missing slices filled with air, with copies or with a mean of their
neighbors, slices of two acquisitions in turns, a block that is mirrored or out of order. A network then finds no
tumor where there is none left. So the slices are compared with each other (docs/adr/0030-content-of-slices.md).
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.plane_summaries import TISSUE_ABOVE_HU, PlaneSummaries, summarize
from PDACScreeningLib.scan_files.slice_order import check_order

MIN_FLANK = 0.1  # tissue beside a gap, as a part of the fullest slice; less is the end of the body
MIN_FLANK_SIDEWAYS = 0.25  # across the body, where an arm lies beside the trunk
REPEATED_SHARE = 1 / 3  # more slices than that are copies of their neighbor: enlarged without interpolation
MAX_LOST_SHARE = 0.1  # of the tiles that hold tissue, turned into one value from one slice to the next
INTERPOLATED_SHARE = 0.95  # of the tissue voxels that are the mean of the slices before and after
_ROUNDING_HU = 2  # of that mean
MIN_FILLED_SHARE = 0.01  # of all tiles
_FILLED_THROUGHOUT = 0.9  # of all slices


def check_content(
    planes: NDArray[np.int16],
    name: str,
    *,
    head_to_foot: bool = True,
    even: bool = True,
    air_below: int = TISSUE_ABOVE_HU,
) -> tuple[str, ...]:
    """Warnings about what slices show. planes: (n, rows, columns) HU, the lowest first if head_to_foot.

    even: the slices have one distance, so that the steps between them can be compared.
    air_below: Hounsfield units that count as air (a scan that was cut off at -160 HU has no others).
    Raises InputRejected when slices are empty, filled or copied in the middle of the body, InputIndeterminate when
    they do not follow each other as anatomy does.
    """
    summaries = summarize(planes, air_below)
    occupied = np.flatnonzero(summaries.occupied)
    if occupied.size == 0:
        return ()
    warnings = _gaps(summaries, name, MIN_FLANK if head_to_foot else MIN_FLANK_SIDEWAYS)
    repeated = _copies(planes, summaries, name)
    _lost_parts(summaries, name)
    enlarged = _interpolated(planes, occupied, name, air_below) or bool(repeated)
    if not enlarged and not warnings:  # steps between invented slices say nothing
        body = slice(occupied[0], occupied[-1] + 1)
        looks, tissue = summaries.looks[body], summaries.tissue_tiles[body]
        warnings += check_order(looks, tissue, int(occupied[0]), name, breaks=head_to_foot and even)
    return warnings + repeated + (_ends(occupied, len(planes)) if head_to_foot else ()) + _filling(summaries)


def _gaps(summaries: PlaneSummaries, name: str, min_flank: float) -> tuple[str, ...]:
    """Refuse slices of air between slices of tissue; a speck beyond air at the very end is a warning."""
    occupied = np.flatnonzero(summaries.occupied)
    enough = summaries.tissue >= min_flank * summaries.tissue.max()
    body = np.flatnonzero(enough)
    amid = ~summaries.occupied[body[0] : body[-1] + 1]
    if amid.any():
        first = int(body[0] + np.flatnonzero(amid)[0])
        raise InputRejected(
            f"{int(amid.sum())} slices of {name} hold nothing but air although there is tissue on both sides (the "
            f"first is slice {first + 1} of {len(summaries.tissue)}): slices are missing and were filled; export the "
            "scan again from the original images"
        )
    if (~summaries.occupied[occupied[0] : occupied[-1] + 1]).any():
        return ("some slices hold nothing but air between the body and something small beyond it",)
    return ()


def _ends(occupied: NDArray[np.intp], count: int) -> tuple[str, ...]:
    below, above = int(occupied[0]), int(count - 1 - occupied[-1])
    if not below + above:
        return ()
    return (
        f"{below} slices at the lower and {above} at the upper end hold nothing but air: the scan ends with the "
        "body, and what would lie beyond was not seen",
    )


def _copies(planes: NDArray[np.int16], summaries: PlaneSummaries, name: str) -> tuple[str, ...]:
    """Refuse slices that equal another one, mirrored or not: noise never repeats itself."""
    seen: dict[tuple[int, int], list[int]] = defaultdict(list)
    beside, elsewhere = [], []
    for i in np.flatnonzero(summaries.occupied):
        earlier = seen[summaries.keys[i]]
        if earlier and earlier[-1] == i - 1 and np.array_equal(planes[i], planes[i - 1]):
            beside.append(int(i))
        elif any(_same_up_to_mirroring(planes[i], planes[j]) for j in earlier[:4]):
            elsewhere.append(int(i))
        earlier.append(int(i))
    if len(beside) > REPEATED_SHARE * np.count_nonzero(summaries.occupied):
        return (
            f"{len(beside)} of {len(planes)} slices repeat the slice before them: the scan was enlarged without "
            "interpolation and is coarser than its spacing says",
        )
    if copies := sorted(beside + elsewhere):
        raise InputRejected(
            f"{len(copies)} of {len(planes)} slices of {name} are copies of other slices (the first is slice "
            f"{copies[0] + 1}): what was measured there is missing; export the scan again from the original images"
        )
    return ()


def _same_up_to_mirroring(one: NDArray[np.int16], other: NDArray[np.int16]) -> bool:
    forms = (other, other[::-1], other[:, ::-1], other[::-1, ::-1])
    return any(np.array_equal(one, form) for form in forms)


def _lost_parts(summaries: PlaneSummaries, name: str) -> None:
    """Refuse a slice in which a part of the body turns into one value at once, and back: a half-written slice."""
    textured = summaries.tissue_tiles & ~summaries.constant
    for one, other in ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))):
        lost = np.count_nonzero(textured[one] & summaries.constant[other], axis=(1, 2))
        stays = summaries.occupied[other] & (np.count_nonzero(textured[one], axis=(1, 2)) > 0)
        bad = stays & (lost > MAX_LOST_SHARE * np.count_nonzero(textured[one], axis=(1, 2)))
        if bad.any():
            odd = int(np.flatnonzero(bad)[0]) + (1 if one.start is None else 0)
            raise InputRejected(
                f"a part of slice {odd + 1} of {name} holds nothing but one value where the slice beside it shows the "
                "body: a part of the scan is missing, export it again from the original images"
            )


def _interpolated(planes: NDArray[np.int16], occupied: NDArray[np.intp], name: str, air_below: int) -> bool:
    """Whether the whole scan was enlarged by taking means. Refuses when only a part was: those slices were invented."""
    smooth = []
    for i in range(int(occupied[0]) + 1, int(occupied[-1])):
        tissue = planes[i] > air_below
        bend = 2 * planes[i][tissue].astype(np.int32) - planes[i - 1][tissue] - planes[i + 1][tissue]
        if bend.size and np.count_nonzero(np.abs(bend) <= _ROUNDING_HU) >= INTERPOLATED_SHARE * bend.size:
            smooth.append(i)
    if smooth and len(smooth) <= REPEATED_SHARE * occupied.size:
        raise InputRejected(
            f"{len(smooth)} of {len(planes)} slices of {name} are nothing but the mean of the slices before and after "
            f"(the first is slice {smooth[0] + 1}): missing slices were filled in; export the scan again from the "
            "original images"
        )
    return bool(smooth)


def _filling(summaries: PlaneSummaries) -> tuple[str, ...]:
    """A wall of one value beside the body: what software puts where nothing was scanned."""
    throughout = summaries.constant.mean(axis=0) >= _FILLED_THROUGHOUT
    solid = throughout & (summaries.tissue_tiles.mean(axis=0) >= _FILLED_THROUGHOUT)
    textured = summaries.tissue_tiles & ~summaries.constant
    if solid.mean() < MIN_FILLED_SHARE or not textured.any():
        return ()
    value = int(np.median(summaries.levels[:, solid]))
    return (
        f"{100 * solid.mean():.0f} % of the scan hold nothing but the value {value}, which no scanner measures there: "
        "it looks like filling outside of what was scanned",
    )
