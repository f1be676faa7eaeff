"""Do the slices follow each other as anatomy does?

Neighboring slices of a body differ less than slices further apart. Where that is not so, slices are out of order,
mirrored, missing, or of another acquisition.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputIndeterminate

MAX_STEP_RATIO = 1.6  # both steps to a slice, against the step past it; healthy scans stay below 1.4
MAX_STEP_RATIO_OF_TWO = 1.2  # of two slices or more; healthy scans have one at most, where slices are 5 mm apart
MAX_SWAP_RATIO = 1.0  # steps before and after two neighbors, against those past them; healthy scans stay below 0.9
MAX_BREAK = 2.8  # a step against those around it; 20 healthy scans stay below 2.5, five slices cut out make 2.8 or more
WARN_BREAK = 2.6
_FLOOR_HU = 4.0  # smaller steps from slice to slice are noise
_FLOOR_DISTANCE_HU = 6.0  # and smaller distances
_FLOOR_SWAP_HU = 9.0  # where ratios of 1 count, noise must be left further behind
_MIN_BREAK_HU = 12.0  # less is the beginning of an organ
_MIN_TILES_TO_SEE_A_SWAP = 100  # with fewer, steps are not smooth enough
_AROUND = 5  # steps on each side
_MIN_SIDE = 3  # fewer steps on one side prove nothing
_FULL_PERCENTILE = 75  # not the fullest slice, which may be a wrong one
_MIN_FULLNESS = 0.7  # tissue of a slice inside the body, as a part of the fullest one
_MIN_SLICES = 8
MAX_ALTERNATION_HU = 3.0  # of the mean over all slices; healthy scans stay below 0.7
_ALTERNATION_NOISE = 3.0  # times what chance gives


def check_order(
    looks: NDArray[np.float32], tissue: NDArray[np.bool_], first: int, name: str, *, breaks: bool = True
) -> tuple[str, ...]:
    """Warnings. looks: (n, rows, columns) tile means of the slices that hold tissue; first: number of the first one.

    tissue: tiles that are no air; steps are taken over those.

    breaks: look for steps that are too large; across a body, from side to side, those are usual.
    Raises InputIndeterminate: the slices may be right, but nobody should trust a negative answer about them.
    """
    if len(looks) < _MIN_SLICES:
        return ()
    flat = looks.reshape(len(looks), -1).astype(np.float64)
    _refuse_alternating(flat, name)
    one, two = _distances(flat, 1), _distances(flat, 2)
    full = _full_slices(tissue)
    odd = _odd_slices(one, np.maximum(two, _FLOOR_DISTANCE_HU), full, flat.shape[1])
    if odd.size:
        raise InputIndeterminate(
            f"{odd.size} slices of {name} do not fit between their neighbors (the first is slice "
            f"{first + int(odd[0]) + 2}): they may be out of order, mirrored or of another acquisition; export the "
            "scan again from the original images"
        )
    return _breaks(_steps(looks, tissue), full[1:] & full[:-1], looks, first, name) if breaks else ()


def _odd_slices(
    one: NDArray[np.float64], past: NDArray[np.float64], full: NDArray[np.bool_], tiles: int
) -> NDArray[np.intp]:
    """Slices, less one, that lie apart from both neighbors. one: steps between slices; past: from one past the next.

    full: slices inside the body; only those are neighbors to judge by.
    """
    ratio = np.where(full[:-2] & full[2:], np.minimum(one[:-1], one[1:]) / past, 0.0)
    odd = np.flatnonzero(ratio > MAX_STEP_RATIO_OF_TWO)
    if odd.size == 1:
        odd = np.flatnonzero(ratio > MAX_STEP_RATIO)
    if odd.size or tiles < _MIN_TILES_TO_SEE_A_SWAP:
        return odd
    past = MAX_SWAP_RATIO * np.maximum(past, _FLOOR_SWAP_HU)
    swapped = (one[:-2] > past[:-1]) & (one[2:] > past[1:])
    return np.flatnonzero(swapped & full[:-3] & full[3:])


def _breaks(
    one: NDArray[np.float64], within: NDArray[np.bool_], looks: NDArray[np.float32], first: int, name: str
) -> tuple[str, ...]:
    """Steps that are far larger than those around them: anatomy does not jump.

    Close to an end too few steps lie on one side to tell a jump from the lungs that begin there: that is a warning.
    """
    ratio = np.array([one[i] / max(_FLOOR_HU, _usual(one, i)) for i in range(len(one))])
    ratio[~within | (one < _MIN_BREAK_HU)] = 0.0
    inner = ratio[_MIN_SIDE:-_MIN_SIDE]
    if inner.size and inner.max() > MAX_BREAK:
        worst = _MIN_SIDE + int(inner.argmax())
        raise InputIndeterminate(
            f"{name} breaks off {_between(first + worst)}: {_kind_of_break(looks[worst], looks[worst + 1])}; export "
            "the scan again from the original images"
        )
    worst = int(ratio.argmax())
    if ratio[worst] > WARN_BREAK:
        where = _between(first + worst)
        return (f"the anatomy changes abruptly {where}; slices may be missing there, or the patient moved",)
    return ()


def _between(slice_below: int) -> str:
    """slice_below: its number from 0."""
    return f"between slices {slice_below + 1} and {slice_below + 2}"


def _full_slices(tissue: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) from the first to the last slice that is about as full as most; where a body ends it may end at once."""
    held = tissue.sum(axis=(1, 2))
    found = np.flatnonzero(held >= _MIN_FULLNESS * np.percentile(held, _FULL_PERCENTILE))
    full = np.zeros(len(held), np.bool_)
    full[found[0] : found[-1] + 1] = True
    return full


def _usual(one: NDArray[np.float64], i: int) -> float:
    """The usual step on the livelier side: where the lungs begin, steps grow for good."""
    sides = (one[max(0, i - _AROUND) : i], one[i + 1 : i + 1 + _AROUND])
    return max(float(np.median(side)) for side in sides if side.size)


def _kind_of_break(before: NDArray[np.float32], after: NDArray[np.float32]) -> str:
    apart = float(np.abs(before - after).mean())
    if min(np.abs(before - after[:, ::-1]).mean(), np.abs(before - after[::-1]).mean()) < 0.5 * apart:
        return "from there on the slices are mirrored"
    return "slices are missing, out of order, or of another acquisition"


def _refuse_alternating(flat: NDArray[np.float64], name: str) -> None:
    """Two acquisitions in turns: what is brighter in even slices than in odd ones, all the way through.

    flat: (n, tiles). The bend of each tile at each slice is averaged with alternating signs; anatomy averages out.
    """
    bend = flat[1:-1] - (flat[:-2] + flat[2:]) / 2
    signs = np.where(np.arange(len(bend)) % 2, -1.0, 1.0)[:, None]
    alternation = np.sqrt(((bend * signs).mean(axis=0) ** 2).mean())
    chance = np.sqrt((bend.var(axis=0) / len(bend)).mean())
    if alternation > max(MAX_ALTERNATION_HU, _ALTERNATION_NOISE * chance):
        raise InputIndeterminate(
            f"even and odd slices of {name} differ by {2 * alternation:.0f} HU throughout: two acquisitions or "
            "reconstructions seem to alternate; export one of them from the original images"
        )


def _distances(flat: NDArray[np.float64], slices: int) -> NDArray[np.float64]:
    """Root mean square difference, HU, between slices so many apart."""
    distances: NDArray[np.float64] = np.sqrt(((flat[slices:] - flat[:-slices]) ** 2).mean(axis=1))
    return distances


def _steps(looks: NDArray[np.float32], tissue: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean absolute difference, HU, from slice to slice, over tiles that hold tissue: of the whole body, not a part."""
    either = tissue[1:] | tissue[:-1]
    apart = np.where(either, np.abs(looks[1:] - looks[:-1]), 0.0)
    steps: NDArray[np.float64] = apart.sum(axis=(1, 2)) / np.maximum(1, either.sum(axis=(1, 2)))
    return steps
