"""Slide a cubic window over a volume and average what a network says about each voxel (section 2.3).

Windows are cut out and answers summed where the network computes, a `Workspace`: on a GPU each voxel travels there once
and back once, and not with each of the 33 windows it lies in. For a plain callable that is numpy, so the flow is the
same for torch on any device and for a test's threshold. Windows beside each other are handled in one go (`WindowRun`),
so that a GPU is not kept waiting for a loop over thousands of small windows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import NUM_CLASSES, ScaleSpec, ScreeningConfig, WindowSpec
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.inference.window_plan import WindowPlan, WindowRun, plan_windows
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.volume.arrays import HU_ZYX
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.intensity import normalize


class WindowNetwork(Protocol):
    """A network that has seen its weights: normalized windows in, class probabilities out."""

    @property
    def batch_size(self) -> int:
        """Windows to hand over at once; the machine's choice, it never changes the answer."""

    def __call__(self, windows: NDArray[np.float32], /) -> NDArray[np.float32]:
        """(n, z, y, x) normalized intensities -> (n, 3, z, y, x) softmax over background, pancreas, tumor."""


@runtime_checkable
class Workspace(Protocol):
    """A network with arrays of its own kind, which know slices, assignment, `+=` and `shape` as numpy's do."""

    @property
    def batch_size(self) -> int:
        """Windows to hand over at once, as in `WindowNetwork`."""

    def place(self, array: NDArray[np.float32]) -> Any:
        """The array where the network computes."""

    def spaced(self, row: Any, width: int, step: int, count: int) -> Any:
        """A view (count, ..., width) of a placed array (..., x): parts of its last axis, `step` from start to start."""

    def answers(self, windows: Sequence[Any]) -> Any:
        """Placed windows, some (n, z, y, x) -> (all, 3, z, y, x) there, as `WindowNetwork` answers."""

    def fetch(self, array: Any) -> NDArray[np.float32]:
        """A placed array as numpy's; the two may share memory."""


@dataclass(frozen=True)
class _NumpyWorkspace:
    """The workspace of a network that takes numpy arrays: every array stays where it is."""

    network: WindowNetwork

    @property
    def batch_size(self) -> int:
        return self.network.batch_size

    def place(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        return array

    def spaced(self, row: NDArray[np.float32], width: int, step: int, count: int) -> NDArray[np.float32]:
        parts = np.lib.stride_tricks.sliding_window_view(row, width, axis=-1, writeable=True)
        return np.moveaxis(parts[..., : (count - 1) * step + 1 : step, :], -2, 0)

    def answers(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        return self.network(np.concatenate(windows))

    def fetch(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        return array


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
    hu: HU_ZYX,
    network: WindowNetwork,
    scale: ScaleSpec,
    config: ScreeningConfig,
    *,
    stage: str,
    on_progress: OnProgress,
    windows: WindowSpec | None = None,
) -> WindowScan:
    """Mean of a network's probabilities over all windows of a volume (section 2.3: "slide a 64^3 window").

    hu: (z, y, x) int16, of any size. windows: None = those of the paper.
    Memory: 8 bytes a voxel, beside the volume and what `scan_slabs` needs.
    Raises and reports like `scan_slabs`.
    """
    plan = plan_windows(hu, scale, windows or WindowSpec.of_paper(scale), config)
    foreground = np.empty((NUM_CLASSES - 1, *hu.shape), np.float32)
    for slab in scan_slabs(plan, network, scale, config, stage=stage, on_progress=on_progress):
        foreground[:, slab.z] = slab.foreground
    return WindowScan(foreground, len(plan.corners), plan.skipped)


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
    z, y, x = plan.axes
    total, done = len(plan.corners), 0
    workspace = network if isinstance(network, Workspace) else _NumpyWorkspace(network)
    batch_size = max(1, workspace.batch_size * scale.patch_size**3 // math.prod(plan.window_shape))
    over_z, over_plane = z.coverage(), np.outer(y.coverage(), x.coverage())
    # as many slices as a window is deep, from `start` on: [0] what the network sees, [1:] the sums of its answers
    layer = np.zeros((NUM_CLASSES, z.size, y.length, x.length), np.float32)
    layer[0] = normalize(plan.slices(0, z.size), config.intensity)
    layer = workspace.place(layer)
    for start, following in pairwise([*z.starts, z.length]):
        corners = plan.corners[plan.corners[:, 0] == start]
        for first in range(0, len(corners), batch_size):
            on_progress(Progress(stage, done, total))
            batch = corners[first : first + batch_size]
            _add_batch(layer, plan, plan.runs(batch), workspace)
            done += len(batch)
        final = following - start
        sums = workspace.fetch(layer[1:, :final])
        _require_numbers(sums)
        yield _slab(sums / (over_z[start:following, np.newaxis, np.newaxis] * over_plane), start, plan)
        if following < z.length:
            new = workspace.place(normalize(plan.slices(start + z.size, following + z.size), config.intensity))
            _move_up(layer, final)
            layer[0, -final:] = new
            layer[1:, -final:] = 0
    if total:
        on_progress(Progress(stage, total, total))


def _add_batch(layer: Any, plan: WindowPlan, runs: Sequence[WindowRun], workspace: Workspace) -> None:
    """Add the network's answers for windows of one layer to its sums: (1 + 2, window, y, x), see `scan_slabs`."""
    _, height, width = plan.window_shape
    windows = [
        workspace.spaced(layer[0, :, run.y : run.y + height, run.x :], width, run.step, run.count) for run in runs
    ]
    answers = workspace.answers(windows)
    _require_shape(answers.shape, (sum(run.count for run in runs), NUM_CLASSES, *plan.window_shape))
    done = 0
    for run in runs:
        z, y, x = run.counted
        row = layer[1:, z, run.y + y.start : run.y + y.stop, run.x + x.start :]
        _add_run(row, answers[done : done + run.count, 1:, z, y, x], run.step, workspace)
        done += run.count


def _add_run(row: Any, answers: Any, step: int, workspace: Workspace) -> None:
    """Add the answers (n, 2, z, y, width) of windows that lie `step` voxels apart to a row of sums (2, z, y, x).

    Part by part, each no wider than a step, so that no two windows meet; the last part first, so that every voxel adds
    its windows from the lowest x to the highest, like a loop over them:

    step 3   aaaa....    part 2:  ...a....  then part 1:  aaa.....
             ...bbbb.             ......b.                ...bbb..
    """
    width = answers.shape[-1]
    for first in reversed(range(0, width, step)):
        part = answers[..., first : first + step]
        sums = workspace.spaced(row[..., first:], part.shape[-1], step, len(answers))
        sums += part


def _move_up(layer: Any, count: int) -> None:
    """Forget the first `count` slices of (n, z, y, x): slice by slice, since source and target overlap."""
    for z in range(layer.shape[1] - count):
        layer[:, z] = layer[:, z + count]


def _require_shape(shape: Sequence[int], expected: tuple[int, ...]) -> None:
    if tuple(shape) != expected:
        raise ModelError(f"the network answered with shape {tuple(shape)}, expected {expected}: wrong model")


def _require_numbers(sums: NDArray[np.float32]) -> None:
    """NaN compares false with everything, so an overflow would read as background: a silent "nothing found"."""
    if not np.isfinite(sums.sum(dtype=np.float64)):
        raise ModelError("the network answered with NaN or infinity: use float32, or another model")


def _slab(mean: NDArray[np.float32], start: int, plan: WindowPlan) -> Slab:
    """Slices of the padded volume, from `start` on, without the padding."""
    first, rows, columns = (slice(air, air + length) for air, length in zip(plan.padding, plan.hu.shape, strict=True))
    low, high = max(start, first.start), min(start + mean.shape[1], first.stop)
    z = slice(low - first.start, high - first.start)
    return Slab(z, mean[:, low - start : high - start, rows, columns])
