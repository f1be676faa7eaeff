"""What each network alone segmented, after the component filter: several label maps in one number a voxel.

The answer is the mean of the networks (section 2.3), or of the folds of an ensemble. Where one of them saw a tumor that
the mean does not show, a reader may want to look there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.part import VolumePart

MOST_NETWORKS = 16
_BITS, _ONE = 2, 0b11  # of one network's label


@dataclass(frozen=True, eq=False)
class NetworkLabels:
    """names: of the networks, in the order of their evidence, e.g. "64^3". packed: on the scan's own grid, in the
    smallest of uint8, uint16 and uint32; the label (0, 1 or 2) of network i stands in the bits 2 i and 2 i + 1.

    Raises ValueError for more than sixteen networks, two of one name, and a value that is no label.
    """

    names: tuple[str, ...]
    packed: VolumePart[Any]

    def __post_init__(self) -> None:
        count, values = len(self.names), self.packed.values
        if not 0 < count <= MOST_NETWORKS or len(set(self.names)) < count:
            raise ValueError(f"labels of one to {MOST_NETWORKS} networks of different names, not of {self.names}")
        if values.dtype != packed_dtype(count):
            raise ValueError(f"labels of {count} networks are {packed_dtype(count)}, not {values.dtype}")
        foreign = int(values.max()) >= 1 << _BITS * count or any(
            ((values >> _BITS * place & _ONE) > Label.TUMOR).any() for place in range(count)
        )
        if foreign:
            raise ValueError(f"a voxel holds no labels of {count} networks")

    @classmethod
    def of(cls, names: Sequence[str], labels: Sequence[VolumePart[np.uint8]]) -> NetworkLabels:
        """Pack the labels of each network, all of one scan."""
        box = reduce(Box.around, (part.box for part in labels))
        packed = np.zeros(box.shape, packed_dtype(len(labels)))
        for place, part in enumerate(labels):
            packed[part.box.relative_to(box).slices] |= part.values.astype(packed.dtype) << _BITS * place
        return cls(tuple(names), VolumePart(packed, box, labels[0].geometry))

    def labels_of(self, name: str) -> VolumePart[np.uint8]:
        """The labels of one network. Raises ValueError for a name that is not there."""
        place = self.names.index(name)
        labels = (self.packed.values >> _BITS * place & _ONE).astype(np.uint8)
        return VolumePart(labels, self.packed.box, self.packed.geometry)


def packed_dtype(networks: int) -> np.dtype[Any]:
    """The smallest number that holds the labels of so many networks."""
    return np.dtype(np.uint8 if networks <= 4 else np.uint16 if networks <= 8 else np.uint32)
