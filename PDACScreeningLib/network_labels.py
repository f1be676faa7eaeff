"""What each network alone segmented, after the component filter: several label maps in one byte a voxel.

The answer is the mean of the networks (section 2.3). Where one of them saw a tumor that the mean does not show, a
reader may want to look there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.part import VolumePart

_BITS, _ONE = 2, 0b11  # of one network's label
_MOST = 4  # networks in a byte


@dataclass(frozen=True, eq=False)
class NetworkLabels:
    """patch_sizes: of the networks, coarse first. packed: uint8 on the scan's own grid; the label (0, 1 or 2) of
    network i stands in the bits 2 i and 2 i + 1.

    Raises ValueError for more than four networks, two of one size, and a value that is no label.
    """

    patch_sizes: tuple[int, ...]
    packed: VolumePart[np.uint8]

    def __post_init__(self) -> None:
        count = len(self.patch_sizes)
        if not 0 < count <= _MOST or len(set(self.patch_sizes)) < count:
            raise ValueError(f"labels of one to {_MOST} networks of different sizes, not of {self.patch_sizes}")
        foreign = self.packed.values.max() >= 1 << _BITS * count or any(
            ((self.packed.values >> _BITS * place & _ONE) > Label.TUMOR).any() for place in range(count)
        )
        if foreign:
            raise ValueError(f"a voxel holds no labels of {count} networks")

    @classmethod
    def of(cls, patch_sizes: Sequence[int], labels: Sequence[VolumePart[np.uint8]]) -> NetworkLabels:
        """Pack the labels of each network, all of one scan."""
        box = reduce(Box.around, (part.box for part in labels))
        packed = np.zeros(box.shape, np.uint8)
        for place, part in enumerate(labels):
            packed[part.box.relative_to(box).slices] |= part.values << _BITS * place
        return cls(tuple(patch_sizes), VolumePart(packed, box, labels[0].geometry))

    def labels_of(self, patch_size: int) -> VolumePart[np.uint8]:
        """The labels of one network. Raises ValueError for a size that is not there."""
        place = self.patch_sizes.index(patch_size)
        labels = np.right_shift(self.packed.values, np.uint8(_BITS * place)) & np.uint8(_ONE)
        return VolumePart(labels, self.packed.box, self.packed.geometry)
