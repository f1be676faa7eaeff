"""The cases of a store in the memory of a GPU, where patches are cut from them by one gather a batch (ADR 0049).

What is drawn stays the processor's work, so the patches of an iteration are the same wherever they are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from PDACScreeningLib.errors import MemoryShort
from PDACScreeningLib.network.memory_errors import out_of_memory
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.training.case_store import Case
from PDACScreeningLib.training.patch_sampling import DrawnPatch, padding
from PDACScreeningLib.volume.ct_volume import AIR_HU
from PDACScreeningLib.volume.label_map import Label

BYTES_A_VOXEL = 3


@dataclass(frozen=True, eq=False)
class UncutBatch:
    """Patches that are cut when a step asks for them, on its own stream and without waiting for the GPU.

    starts: (n,) int64, first voxel of each patch in the joined voxels; strides: (n, 3) int64, from one voxel to the
    next along its z, y and x. A turned or mirrored cube is only another walk through the same voxels.
    """

    cases: CasesOnDevice
    starts: NDArray[np.int64]
    strides: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, first: int, last: int) -> UncutBatch:
        """The patches from `first` to before `last`."""
        return UncutBatch(self.cases, self.starts[first:last], self.strides[first:last])

    def cut(self) -> tuple[Tensor, Tensor]:
        """hu (n, z, y, x) int16 and labels (n, z, y, x) uint8 on the device: what `sample` copies, to the bit."""
        return self.cases.gathered(self.starts, self.strides)


@dataclass(frozen=True)
class _Layout:
    """Where a case lies in the joined voxels: its first voxel and its (padded) shape."""

    start: int
    shape: tuple[int, int, int]

    @property
    def strides(self) -> tuple[int, int, int]:
        """Voxels from one to the next along z, y and x."""
        return (self.shape[1] * self.shape[2], self.shape[2], 1)


class CasesOnDevice:
    """All voxels of some cases in two flat tensors of a device, 3 bytes a voxel.

    cases: in the order of the sampler whose patches are cut. A case that is shorter than a patch is padded with air
    once, as the sampler pads its patches. Raises MemoryShort when they do not fit, DataError for a damaged case.
    """

    def __init__(self, cases: Sequence[Case], patch_size: int, device: str, on_progress: OnProgress) -> None:
        self._size, self._layouts = patch_size, _layouts(cases, patch_size)
        try:
            voxels = voxels_of(cases, patch_size)
            self._hu = torch.empty(voxels, dtype=torch.int16, device=device)
            self._labels = torch.empty(voxels, dtype=torch.uint8, device=device)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            raise MemoryShort(
                f"the cases of the store do not fit into the memory of {device}: use --patches-on processor"
            ) from error
        for number, (case, layout) in enumerate(zip(cases, self._layouts, strict=True)):
            pads = padding(case.facts.shape, patch_size)
            _fill(self._hu, layout, np.pad(np.asarray(case.hu), pads, constant_values=AIR_HU))
            _fill(self._labels, layout, np.pad(case.all_labels, pads, constant_values=Label.BACKGROUND))
            on_progress(Progress(f"cases to {device}", number + 1, len(cases)))

    def uncut(self, drawn: Sequence[DrawnPatch]) -> UncutBatch:
        """The walks of patches that were drawn, each under its symmetry."""
        starts, strides = np.empty(len(drawn), np.int64), np.empty((len(drawn), 3), np.int64)
        for slot, patch in enumerate(drawn):
            layout = self._layouts[patch.case_number]
            start = layout.start + sum(at * step for at, step in zip(patch.corner, layout.strides, strict=True))
            for axis, source in enumerate(patch.symmetry.axis_order):
                step = layout.strides[source]
                if axis in patch.symmetry.reversed_axes:
                    start, step = start + (self._size - 1) * step, -step
                strides[slot, axis] = step
            starts[slot] = start
        return UncutBatch(self, starts, strides)

    def gathered(self, starts: NDArray[np.int64], strides: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """The voxels of walks (UncutBatch): one gather for the brightness, one for the labels."""
        device = self._hu.device  # with its number: a thread does not inherit which GPU is the current one
        first, step = placed(starts, device), placed(strides, device)
        along = torch.arange(self._size, device=device)
        z, y, x = (step[:, axis, None] * along for axis in range(3))
        index = first[:, None, None, None] + z[:, :, None, None] + y[:, None, :, None] + x[:, None, None, :]
        return torch.take(self._hu, index), torch.take(self._labels, index)


def placed(array: NDArray[Any], device: str | torch.device) -> Tensor:
    """On the device. A GPU copies from pinned memory by itself while the processor goes on."""
    tensor = torch.from_numpy(array)
    on_gpu = torch.device(device).type == "cuda"
    return tensor.pin_memory().to(device, non_blocking=True) if on_gpu else tensor.to(device)


def voxels_of(cases: Sequence[Case], patch_size: int) -> int:
    """Voxels of all cases, each axis at least as long as a patch."""
    last = _layouts(cases, patch_size)[-1]
    return last.start + last.shape[0] * last.strides[0]


def _layouts(cases: Sequence[Case], patch_size: int) -> tuple[_Layout, ...]:
    layouts, start = [], 0
    for case in cases:
        z, y, x = (max(length, patch_size) for length in case.facts.shape)
        layouts.append(_Layout(start, (z, y, x)))
        start += z * y * x
    return tuple(layouts)


def _fill(joined: Tensor, layout: _Layout, voxels: NDArray[np.int16] | NDArray[np.uint8]) -> None:
    flat = torch.from_numpy(np.ascontiguousarray(voxels).reshape(-1))
    joined[layout.start : layout.start + len(flat)] = flat.to(joined.device)
