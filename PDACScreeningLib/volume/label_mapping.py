"""What the numbers of a foreign label map mean in ours: background, pancreas or tumor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.volume.arrays import LABELS_ZYX
from PDACScreeningLib.volume.label_map import Label

_TOLERANCE = 1e-3  # how far from a whole number a stored label may be
_LARGEST = 65535
_LARGEST_EXACT = 2**53  # whole numbers beyond are not told apart by floating point


@dataclass(frozen=True)
class LabelMapping:
    """Pairs of (stored number, Label); 0 is background unless it is given.

    rest: what all other numbers mean; None refuses them. Raises ValueError for a number that is given twice or that
    no label map holds.
    """

    pairs: tuple[tuple[int, Label], ...]
    rest: Label | None = None

    def __post_init__(self) -> None:
        numbers = [number for number, _ in self.pairs]
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"a label mapping gives each number once, got {numbers}")
        if not all(0 <= number <= _LARGEST for number in numbers):
            raise ValueError(f"stored labels lie in 0..{_LARGEST}, got {numbers}")

    def apply(self, stored: NDArray[Any]) -> LABELS_ZYX:
        """Labels (uint8, same shape) of stored numbers of any type.

        Raises ValueError that tells the first value which is undefined, not whole or not in the mapping.
        """
        whole, table = whole_numbers(stored), self._table()
        if whole.size and whole.min() < 0:
            raise ValueError(f"the value {whole.min()}")
        if self._keeps_numbers() and whole.size and whole.max() <= max(Label):  # our own files: nothing to look up
            return whole.astype(np.uint8)
        index = whole.astype(np.intp)  # a table may be longer than the numbers of a file can count
        index[whole >= table.size] = table.size - 1
        labels: NDArray[np.int16] = table[index]
        if (labels < 0).any():
            raise ValueError(f"the value {whole[labels < 0][0]}")
        unsigned: LABELS_ZYX = labels.astype(np.uint8)
        return unsigned

    def __str__(self) -> str:
        """E.g. "0 background, 4 and 5 pancreas, 1 tumor"."""
        words = []
        for label in Label:
            numbers = [str(number) for number, own in sorted(self._all()) if own == label]
            numbers += ["all others"] if label == self.rest else []
            words += [f"{' and '.join(numbers)} {label.name.lower()}"] if numbers else []
        return ", ".join(words)

    def _all(self) -> tuple[tuple[int, Label], ...]:
        return self.pairs if any(number == 0 for number, _ in self.pairs) else ((0, Label.BACKGROUND), *self.pairs)

    def _keeps_numbers(self) -> bool:
        """Whether 0, 1 and 2 mean background, pancreas and tumor, as in our own files."""
        own = {number: label for number, label in self._all() if number <= max(Label)}
        return own == {int(label): label for label in Label}

    def _table(self) -> NDArray[np.int16]:
        """Label of every number up to the largest one, then that of all larger ones; -1 where there is none."""
        rest = -1 if self.rest is None else int(self.rest)
        table = np.full(2 + max(number for number, _ in self._all()), rest, np.int16)
        for number, label in self._all():
            table[number] = label
        return table


def whole_numbers(stored: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers of stored ones. Raises ValueError for the first that is undefined or not whole."""
    if stored.dtype.kind in "iu":
        return stored
    if not np.isfinite(stored).all():
        raise ValueError("undefined voxels (NaN or infinite)")
    rounded: NDArray[Any] = np.rint(stored)
    fractional = np.abs(stored - rounded) > _TOLERANCE
    if fractional.any():
        raise ValueError(f"the value {stored[fractional][0]:g}, which is no whole number")
    if (np.abs(rounded) > _LARGEST_EXACT).any():
        raise ValueError(f"the value {rounded[np.abs(rounded) > _LARGEST_EXACT][0]:g}")
    return rounded.astype(np.int64)


OWN_LABELS = LabelMapping(tuple((int(label), label) for label in Label))  # of the paper, section 2.1
