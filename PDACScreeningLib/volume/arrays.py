"""What an array of a volume holds, as a type: axes are (z, y, x), the grid is told beside it."""

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

HU_ZYX: TypeAlias = NDArray[np.int16]  # Hounsfield units
LABELS_ZYX: TypeAlias = NDArray[np.uint8]  # values of Label: 0 background, 1 pancreas, 2 tumor
PROBABILITY_ZYX: TypeAlias = NDArray[np.float32]  # of tumor, 0 to 1


class Planes(Protocol):
    """The (y, x) planes of a CT in Hounsfield units, the lowest first: of an array, or made when they are asked for."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, z: int, /) -> HU_ZYX:
        """One of them."""
