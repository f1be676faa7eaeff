"""Where the windows of a scan lie and which voxels each one decides (section 2.3, and ADR 0017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import ScaleSpec, ScreeningConfig, WindowSpec
from PDACScreeningLib.volume.arrays import HU_ZYX
from PDACScreeningLib.volume.ct_volume import AIR_HU
from PDACScreeningLib.volume.geometry import ZYX

POOLED = 8  # voxels that the deepest feature stands for; windows begin and end on multiples of it


@dataclass(frozen=True)
class Axis:
    """The windows along one axis: first voxels, length, and what lies behind an inner face and does not count.

    length 20, size 12, margin 2, starts [0, 8]:   aaaaaaaaaa..
                                                           ..bbbbbbbbbb
    """

    length: int
    size: int
    margin: int
    starts: tuple[int, ...]

    def counted(self, start: int) -> slice:
        """The voxels that the window from `start` on decides: without the margin, but up to the ends of the axis."""
        stop = start + self.size
        return slice(
            start + self.margin if start > 0 else start,
            stop - self.margin if stop < self.length else stop,
        )

    def coverage(self) -> NDArray[np.float32]:
        """(length,) how many windows decide each voxel; a voxel of the volume has the product of its three axes'.

        length 10, size 5, margin 0, starts [0, 3, 5]:   1 1 1 2 2 2 2 2 1 1
        """
        counts = np.zeros(self.length, np.float32)
        for start in self.starts:
            counts[self.counted(start)] += 1
        return counts


@dataclass(frozen=True)
class WindowRun:
    """Windows of one layer and row, the same step from each to the next, which decide the same of their voxels.

    y, x: first voxel of the first one. step: along x; of a single window its width. counted: (z, y, x), which voxels
    of a window it decides.
    """

    y: int
    x: int
    step: int
    count: int
    counted: tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class WindowPlan:
    """The windows of one scan, before any of them is run.

    hu: (z, y, x) int16. padding: voxels of air before the volume on each axis; windows are placed on the padded volume.
    axes: of the padded z, y and x. corners: (n, 3) first voxels (z, y, x) of the windows to run, in raster order.
    skipped: windows that decide no voxel of the body.
    """

    hu: HU_ZYX
    padding: ZYX
    axes: tuple[Axis, Axis, Axis]
    corners: NDArray[np.intp]
    skipped: int

    @property
    def window_shape(self) -> ZYX:
        """Voxels of every window along (z, y, x)."""
        z, y, x = (axis.size for axis in self.axes)
        return (z, y, x)

    def runs(self, corners: NDArray[np.intp]) -> list[WindowRun]:
        """Windows of one layer, in raster order, as few runs in the same order."""
        runs: list[WindowRun] = []
        for corner in corners.tolist():
            z, y, x = (_within(axis, first) for axis, first in zip(self.axes, corner, strict=True))
            longer = _longer(runs[-1], corner, (z, y, x)) if runs else None
            if longer is None:
                runs.append(WindowRun(corner[1], corner[2], self.axes[2].size, 1, (z, y, x)))
            else:
                runs[-1] = longer
        return runs

    def slices(self, first: int, last: int) -> HU_ZYX:
        """(last - first, y, x) int16 slices of the padded volume; where it reaches beyond the volume, air."""
        shape = (last - first, *(axis.length for axis in self.axes[1:]))
        low = np.array([first, 0, 0], np.intp) - np.array(self.padding, np.intp)
        inner_low = np.maximum(low, 0)
        inner_high = np.maximum(inner_low, np.minimum(low + np.array(shape, np.intp), self.hu.shape))
        inner = self.hu[_slices(inner_low, inner_high)]
        if inner.shape == shape:
            return inner
        slices = np.full(shape, AIR_HU, np.int16)
        slices[_slices(inner_low - low, inner_high - low)] = inner
        return slices


def plan_windows(hu: HU_ZYX, scale: ScaleSpec, windows: WindowSpec, config: ScreeningConfig) -> WindowPlan:
    """The windows of a volume (z, y, x) of any size; an axis shorter than the patch is padded with air on both sides.

    A window that decides no voxel above `config.body_threshold_hu` sees no body: it is not run and votes background. No
    body voxel can notice, for every window that decides one is run.
    """
    z, y, x = (axis_windows(length, windows, scale.patch_size) for length in hu.shape)
    padding = (air_before(hu.shape[0], z.length), air_before(hu.shape[1], y.length), air_before(hu.shape[2], x.length))
    corners = np.stack(np.meshgrid(z.starts, y.starts, x.starts, indexing="ij"), axis=-1).reshape(-1, 3)
    plan = WindowPlan(hu, padding, (z, y, x), corners, 0)
    body = np.fromiter((_decides_body(plan, corner, config) for corner in corners), np.bool_, len(corners))
    return replace(plan, corners=corners[body], skipped=int(np.count_nonzero(~body)))


def window_starts(length: int, window: int, stride: int) -> list[int]:
    """First voxel of each window along one axis; the last window ends flush with the axis.

    length 10, window 5, stride 3:   00000.....   ...11111..   .....22222   ->  [0, 3, 5]
    Raises ValueError when the window is longer than the axis.
    """
    if window > length:
        raise ValueError(f"window {window} exceeds axis length {length}; pad the volume first")
    last = length - window
    return [*range(0, last, stride), last]


def axis_windows(length: int, windows: WindowSpec, patch_size: int) -> Axis:
    """The windows along an axis of the volume, padded to at least the patch, and to a multiple of 8 for larger windows.

    Windows larger than the patch are made just large enough for as few as the axis needs, and begin on multiples of 8:
    length 152, size at most 128, margin 16: two windows of 96 from 0 and 56 on, not two of 128 that overlap for long.
    """
    if windows.size == patch_size:
        padded = max(patch_size, length)
        return Axis(padded, patch_size, windows.margin, tuple(window_starts(padded, patch_size, windows.stride)))
    padded = max(patch_size, round_up(length))
    shared = windows.size - windows.stride  # by two neighbors
    count = max(1, -(-(padded - shared) // windows.stride))
    size = round_up(-(-(padded + shared * (count - 1)) // count))
    starts = window_starts(padded, size, size - shared) if count > 1 else [0]
    return Axis(padded, size, windows.margin, tuple(starts))


def air_before(length: int, padded: int) -> int:
    """Voxels of air before an axis that is padded on both sides; an odd voxel goes after.

    length 61, padded 64:   1 before, 2 after
    """
    return (padded - length) // 2


def round_up(length: int) -> int:
    """The next multiple of 8: a window that three poolings can divide evenly."""
    return -(-length // POOLED) * POOLED


def _within(axis: Axis, start: int) -> slice:
    """What the window from `start` on decides, counted from its own first voxel."""
    counted = axis.counted(start)
    return slice(counted.start - start, counted.stop - start)


def _longer(run: WindowRun, corner: Sequence[int], counted: tuple[slice, slice, slice]) -> WindowRun | None:
    """The run with one more window, None where that window is not its next one."""
    _, y, x = corner
    step = x - run.x if run.count == 1 else run.step
    follows = y == run.y and x == run.x + step * run.count and step > 0
    return replace(run, step=step, count=run.count + 1) if follows and counted == run.counted else None


def _slices(low: NDArray[np.intp], high: NDArray[np.intp]) -> tuple[slice, slice, slice]:
    z, y, x = (slice(int(first), int(last)) for first, last in zip(low, high, strict=True))
    return (z, y, x)


def _decides_body(plan: WindowPlan, corner: NDArray[np.intp], config: ScreeningConfig) -> bool:
    """Whether a window decides a voxel of the body."""
    counted = (axis.counted(int(start)) for axis, start in zip(plan.axes, corner, strict=True))
    z, y, x = (
        slice(max(0, part.start - before), part.stop - before)
        for part, before in zip(counted, plan.padding, strict=True)
    )
    return bool(plan.hu[z, y, x].max() > config.body_threshold_hu)
