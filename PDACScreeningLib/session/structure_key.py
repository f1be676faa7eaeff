"""What the numbers and segments of a foreign segmentation mean, as a user says it: `tumor=2 pancreas=1,3 veins=4`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputIndeterminate, InputRejected
from PDACScreeningLib.scan_files.segmentation_file import StoredSegmentation
from PDACScreeningLib.volume.anatomy import STRUCTURES_BY_NAME, Anatomy
from PDACScreeningLib.volume.arrays import LABELS_ZYX
from PDACScreeningLib.volume.label_map import Label, LabelMap

OTHERS = "others"  # background=others: all that is not named is known to be neither pancreas nor tumor
TUMOR, PANCREAS, BACKGROUND = "tumor", "pancreas", "background"
_SHOWN = 12  # numbers or names in a sentence
_NUMBERS = 65536  # that a stored segmentation can have


@dataclass(frozen=True)
class StructureKey:
    """Stored numbers, or names of segments, of each structure. What pancreas or tumor share with a vessel or duct
    belongs to both.

    Raises ValueError where no tumor is named, for a structure that is not known, and for a number or name that is tumor
    and pancreas at once, two vessels or ducts, or background and something else.
    """

    named: tuple[tuple[str, tuple[str, ...]], ...]  # (structure, numbers or names)

    def __post_init__(self) -> None:
        names = [name for name, _ in self.named]
        known = (TUMOR, PANCREAS, *STRUCTURES_BY_NAME, BACKGROUND)
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"no structure is called {unknown[0]}; there are {', '.join(known)}")
        if len(set(names)) < len(names):
            raise ValueError("a structure is named twice: give all its numbers at once, such as pancreas=1,3")
        if not self.parts(TUMOR):
            raise ValueError("say which number or segment is the tumor, such as tumor=2")
        apart = ((TUMOR, PANCREAS), *((name, BACKGROUND) for name in known[:-1]), *combinations(STRUCTURES_BY_NAME, 2))
        for one, other in apart:
            if both := set(self.parts(one)) & set(self.parts(other)):
                raise ValueError(f"{sorted(both)[0]} cannot be {one} and {other} at once")

    def parts(self, structure: str) -> tuple[str, ...]:
        """Numbers and names of a structure; () where it is not named."""
        return dict(self.named).get(structure, ())

    def __str__(self) -> str:
        return "; ".join(f"{structure} is {' and '.join(parts)}" for structure, parts in self.named)


def structure_key(words: Sequence[str]) -> StructureKey:
    """The key of words such as `tumor=2` and `pancreas=1,3`. Raises ValueError as StructureKey."""
    named = []
    for word in words:
        structure, equals, parts = word.partition("=")
        found = tuple(part.strip() for part in parts.split(",") if part.strip())
        if not equals or not found:
            raise ValueError(f"expected tumor=2, pancreas=1,3 or the like, got {word}")
        named.append((structure.strip(), found))
    return StructureKey(tuple(named))


def labels_of(stored: StoredSegmentation, key: StructureKey) -> LabelMap:
    """Pancreas and tumor of a stored segmentation, on its own grid; where both are, tumor wins.

    Raises InputRejected for a segment that is not there and for numbers where segments overlap. Raises
    InputIndeterminate where no voxel is tumor although the file holds what was not named: it may be the tumor.
    """
    table = np.zeros((len(stored.numbers), _NUMBERS), np.uint8)
    table[_places(stored, key.parts(PANCREAS))] = Label.PANCREAS
    table[_places(stored, key.parts(TUMOR))] = Label.TUMOR
    labels = _translated(stored, table)
    if not (labels == Label.TUMOR).any():
        _require_all_named(stored, key)
    return LabelMap(labels, stored.geometry)


def anatomy_of(stored: StoredSegmentation, key: StructureKey) -> Anatomy | None:
    """Vessels and ducts of a stored segmentation, on its own grid; None where the key names none of them.

    Where two of them overlap, the one with the higher number of Structure wins. Raises InputRejected as `labels_of`.
    """
    looked_at = tuple(structure for name, structure in STRUCTURES_BY_NAME.items() if key.parts(name))
    if not looked_at:
        return None
    table = np.zeros((len(stored.numbers), _NUMBERS), np.uint8)
    for name, structure in STRUCTURES_BY_NAME.items():
        table[_places(stored, key.parts(name))] = structure
    return Anatomy(_translated(stored, table), stored.geometry, looked_at)


def unnamed(stored: StoredSegmentation, key: StructureKey) -> tuple[str, ...]:
    """Numbers, or names of segments, that are there and that the key does not name; () where it names all others."""
    if OTHERS in key.parts(BACKGROUND):
        return ()
    named = [place for structure, parts in key.named for place in _listed(stored, parts, structure == BACKGROUND)]
    if len(stored.numbers) == 1:
        return tuple(str(number) for number in sorted(stored.found()) if (0, number) not in named)
    left = (segment for segment in stored.segments if (segment.layer, segment.number) not in named)
    return tuple(segment.name for segment in left if (stored.numbers[segment.layer] == segment.number).any())


def _translated(stored: StoredSegmentation, table: NDArray[Any]) -> LABELS_ZYX:
    """(z, y, x) the greatest entry of the table (layer, number) that a voxel has in any layer."""
    found: LABELS_ZYX = np.zeros(stored.geometry.shape, np.uint8)
    for numbers, meaning in zip(stored.numbers, table, strict=True):
        for plane, own in zip(found, numbers, strict=True):
            np.maximum(plane, meaning[own], out=plane)
    return found


def few(parts: Sequence[str]) -> str:
    """Numbers in a sentence, not more than a reader takes in; of names only how many, since they may tell a patient."""
    if not all(part.isdigit() for part in parts):
        return f"{len(parts)} segment{'' if len(parts) == 1 else 's'}"
    more = f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    return f"{', '.join(parts[:_SHOWN])}{more}"


def _require_all_named(stored: StoredSegmentation, key: StructureKey) -> None:
    if left := unnamed(stored, key):
        raise InputIndeterminate(
            f"No voxel of the segmentation is {' or '.join(key.parts(TUMOR))}, which was named tumor, but it holds "
            f"{few(left)}, which --labels does not name: one of them may be the tumor. Name them too, or say "
            f"{BACKGROUND}={OTHERS} when none of them is. This is not a normal result."
        )


def _places(stored: StoredSegmentation, parts: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Layers and numbers, as an index of a table."""
    places = np.array(_listed(stored, parts, False), np.intp).reshape(-1, 2)
    return places[:, 0], places[:, 1]


def _listed(stored: StoredSegmentation, parts: Sequence[str], may_miss: bool) -> list[tuple[int, int]]:
    """(layer, number) of numbers and names of segments. may_miss: leave out what is not there instead of refusing."""
    found = []
    for part in parts:
        segments = [one for one in stored.segments if part.casefold() in (one.name.casefold(), one.id.casefold())]
        if segments:
            found += [(one.layer, one.number) for one in segments]
        elif part.isascii() and part.isdigit() and int(part) < _NUMBERS:
            found.append((0, int(part)))
            _refuse_number_of_layers(stored, part)
        elif not may_miss:
            if not stored.segments:
                raise InputRejected(f"the segmentation names no segments, so --labels takes numbers instead of {part}")
            names = ", ".join(segment.name for segment in stored.segments[:_SHOWN])
            raise InputRejected(f"the segmentation has no segment {part}", details=f"it has {names}")
    return found


def _refuse_number_of_layers(stored: StoredSegmentation, part: str) -> None:
    if len(stored.numbers) > 1:
        raise InputRejected(
            f"the segments of the segmentation overlap, so the number {part} does not say which is meant: name them, "
            "such as tumor=Tumor"
        )
