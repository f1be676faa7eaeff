"""Slide a cubic window over a volume and average what a network says about each voxel (section 2.3).

numpy only: the network is a callable, so the flow is the same for torch on any device and for a test's threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import NUM_CLASSES, HUWindow, ScaleSpec, ScreeningConfig
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.ct_volume import AIR_HU
from PDACScreeningLib.volume.intensity import normalize


class WindowNetwork(Protocol):
    """A network that has seen its weights: normalized windows in, class probabilities out."""

    @property
    def batch_size(self) -> int:
        """Windows to hand over at once; the machine's choice, it never changes the answer."""

    def __call__(self, windows: NDArray[np.float32], /) -> NDArray[np.float32]:
        """(n, z, y, x) normalized intensities -> (n, 3, z, y, x) softmax over background, pancreas, tumor."""


@dataclass(frozen=True, eq=False)
class WindowPlan:
    """The windows of one scan, before any of them is run.

    hu: (z, y, x) int16, padded with air where an axis is shorter than the window. inside: the volume within `hu`.
    corners: (n, 3) first voxels (z, y, x) of the windows to run, in raster order. skipped: windows without body.
    """

    hu: NDArray[np.int16]
    inside: Box
    corners: NDArray[np.intp]
    skipped: int


@dataclass(frozen=True, eq=False)
class Slab:
    """What one network says about some slices.

    z: which slices of the volume. foreground: (2, n, y, x) float32, mean probability of pancreas and of tumor.
    """

    z: slice
    foreground: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class WindowScan:
    """What one network says about a volume.

    foreground: (2, z, y, x) float32, mean probability of pancreas and of tumor; background is 1 minus both.
    windows, windows_skipped: evaluated, and not evaluated because they hold no body.
    """

    foreground: NDArray[np.float32]
    windows: int
    windows_skipped: int

    def cropped(self, box: Box) -> WindowScan:
        """The part inside `box`; a copy where the box is smaller, so that the whole volume's memory can go."""
        foreground = np.ascontiguousarray(self.foreground[(slice(None), *box.slices)])
        return WindowScan(foreground, self.windows, self.windows_skipped)


def scan(
    hu: NDArray[np.int16],
    network: WindowNetwork,
    scale: ScaleSpec,
    config: ScreeningConfig,
    *,
    stage: str,
    on_progress: OnProgress,
) -> WindowScan:
    """Mean of a network's probabilities over all windows of a volume (section 2.3: "slide a 64^3 window").

    hu: (z, y, x) int16, of any size. Memory: 8 bytes a voxel, beside the volume and what `scan_slabs` needs.
    Raises and reports like `scan_slabs`.
    """
    plan = plan_windows(hu, scale, config)
    foreground = np.empty((NUM_CLASSES - 1, *hu.shape), np.float32)
    for slab in scan_slabs(plan, network, scale, config, stage=stage, on_progress=on_progress):
        foreground[:, slab.z] = slab.foreground
    return WindowScan(foreground, len(plan.corners), plan.skipped)


def plan_windows(hu: NDArray[np.int16], scale: ScaleSpec, config: ScreeningConfig) -> WindowPlan:
    """The windows of a volume (z, y, x) of any size; an axis shorter than the window is padded with air on both sides.

    A window without a voxel above `config.body_threshold_hu` holds no body: it is not run and votes background. No
    body voxel can notice, for every window that covers one is run.
    """
    padding = air_padding(hu.shape, scale.patch_size)
    padded = np.pad(hu, padding, constant_values=AIR_HU) if any(map(any, padding)) else hu
    corners = window_corners(padded.shape, scale)
    with_body = corners[_holds_body(padded, corners, scale.patch_size, config.body_threshold_hu)]
    (z, y, x), (depth, rows, columns) = (before for before, _ in padding), hu.shape
    return WindowPlan(
        padded, Box((z, y, x), (z + depth, y + rows, x + columns)), with_body, len(corners) - len(with_body)
    )


def scan_slabs(
    plan: WindowPlan,
    network: WindowNetwork,
    scale: ScaleSpec,
    config: ScreeningConfig,
    *,
    stage: str,
    on_progress: OnProgress,
) -> Iterator[Slab]:
    """The mean probabilities from the first slice to the last, a slab as soon as no further window can change it.

    z   aaaaaa......      windows of one layer (one z) are summed; then the slices before the next layer are final,
        ..bbbbbb....      and only one window's depth of sums is ever held
        ....cccccc..

    Windows are summed in raster order whatever the batch size, so the float32 sums do not depend on it. Calls
    `on_progress` before each batch and after the last, never when no window holds body.
    Raises ModelError when the network answers with another shape or with NaN; passes on what `on_progress` raises.
    """
    size, total, done = scale.patch_size, len(plan.corners), 0
    over_z, over_y, over_x = (coverage(length, size, scale.stride) for length in plan.hu.shape)
    sums = np.zeros((NUM_CLASSES - 1, size, *plan.hu.shape[1:]), np.float32)  # of the slices from `start` on
    starts = window_starts(plan.hu.shape[0], size, scale.stride)
    for start, following in pairwise([*starts, plan.hu.shape[0]]):
        layer = plan.corners[plan.corners[:, 0] == start]
        for first in range(0, len(layer), network.batch_size):
            on_progress(Progress(stage, done, total))
            batch = layer[first : first + network.batch_size]
            _add_batch(sums, plan.hu, batch, network, size, config.intensity)
            done += len(batch)
        final = following - start
        mean = sums[:, :final] / (over_z[start:following, np.newaxis, np.newaxis] * np.outer(over_y, over_x))
        yield _slab(mean, start, plan.inside)
        sums[:, : size - final] = sums[:, final:]
        sums[:, size - final :] = 0
    if total:
        on_progress(Progress(stage, total, total))


def window_starts(length: int, window: int, stride: int) -> list[int]:
    """First voxel of each window along one axis; the last window ends flush with the axis.

    length 10, window 5, stride 3:   00000.....   ...11111..   .....22222   ->  [0, 3, 5]
    Raises ValueError when the window is longer than the axis.
    """
    if window > length:
        raise ValueError(f"window {window} exceeds axis length {length}; pad the volume first")
    last = length - window
    return [*range(0, last, stride), last]


def window_corners(shape: tuple[int, ...], scale: ScaleSpec) -> NDArray[np.intp]:
    """(n, 3) first voxel (z, y, x) of every window of a volume, in raster order (x runs fastest)."""
    starts = [window_starts(length, scale.patch_size, scale.stride) for length in shape]
    return np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 3)


def coverage(length: int, window: int, stride: int) -> NDArray[np.float32]:
    """(length,) how many windows cover each voxel of one axis.

    length 10, window 5, stride 3:   1 1 1 2 2 2 2 2 1 1
    A voxel of the volume is covered by the product of its three axes' counts.
    """
    counts = np.zeros(length, np.float32)
    for start in window_starts(length, window, stride):
        counts[start : start + window] += 1
    return counts


def air_padding(shape: tuple[int, ...], window: int) -> list[tuple[int, int]]:
    """Voxels of air (before, after) each axis so that a window fits; an odd voxel goes after.

    shape (61, 64, 100), window 64:   [(1, 2), (0, 0), (0, 0)]
    """
    missing = [max(0, window - length) for length in shape]
    return [(count // 2, count - count // 2) for count in missing]


def _holds_body(hu: NDArray[np.int16], corners: NDArray[np.intp], size: int, threshold_hu: float) -> NDArray[np.bool_]:
    """(n,) whether each window has a voxel above the threshold."""
    return np.fromiter((_window(hu, corner, size).max() > threshold_hu for corner in corners), np.bool_, len(corners))


def _window(volume: NDArray[np.int16], corner: NDArray[np.intp], size: int) -> NDArray[np.int16]:
    z, y, x = corner
    return volume[z : z + size, y : y + size, x : x + size]


def _add_batch(
    sums: NDArray[np.float32],
    hu: NDArray[np.int16],
    corners: NDArray[np.intp],
    network: WindowNetwork,
    size: int,
    intensity: HUWindow,
) -> None:
    """Add the network's answers for windows of one layer to its sums (2, window, y, x) of pancreas and tumor."""
    windows = np.stack([normalize(_window(hu, corner, size), intensity) for corner in corners])
    probabilities = network(windows)
    _check_answer(probabilities, (len(corners), NUM_CLASSES, size, size, size))
    for (_, y, x), answer in zip(corners, probabilities, strict=True):
        sums[:, :, y : y + size, x : x + size] += answer[1:]


def _check_answer(probabilities: NDArray[np.float32], expected: tuple[int, ...]) -> None:
    """NaN compares false with everything, so an overflow would read as background: a silent "nothing found"."""
    if probabilities.shape != expected:
        raise ModelError(f"the network answered with shape {probabilities.shape}, expected {expected}: wrong model")
    if not np.isfinite(probabilities.sum()):
        raise ModelError(f"the {expected[-1]}^3 network answered with NaN or infinity: use float32, or another model")


def _slab(mean: NDArray[np.float32], start: int, inside: Box) -> Slab:
    """Slices of the padded volume, from `start` on, without the padding. (Where z is padded there is but one slab.)"""
    low, high = max(start, inside.start[0]), min(start + mean.shape[1], inside.stop[0])
    _, rows, columns = inside.slices
    z = slice(low - inside.start[0], high - inside.start[0])
    return Slab(z, mean[:, low - start : high - start, rows, columns])
