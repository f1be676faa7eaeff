"""Who is trained on and who is tested on: a file of patients, never of scans (section 3.1).

"We adopt a 4-fold cross-validation on our 136 PDAC scans to have testing results on every abnormal case while we use a
hard split of training and testing on our 303 normal cases. All in all, each training set contains 103 normal and 102
abnormal cases where the normal-to-abnormal ratio is fairly close to 1."
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.strict_json import read_json

FORMAT_VERSION = 1
SPLIT_NAME = "split.json"
_ONE_PLACE: Mapping[str, str] = {}  # nothing is known of where patients come from


@dataclass(frozen=True)
class Split:
    """Patients by their part. Each patient stands in exactly one place. Raises ValueError when one stands in two.

    folds: the patients tested in each fold, and trained on in all others (the paper: PDAC).
    always_train, always_test: the hard split (the paper: normals). A plain train/test split has one empty fold.
    """

    folds: tuple[tuple[str, ...], ...]
    always_train: tuple[str, ...] = ()
    always_test: tuple[str, ...] = ()
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if not self.folds:
            raise ValueError("a split needs at least one fold; a plain train/test split has one empty fold")
        places = Counter([*self.always_train, *self.always_test, *(patient for fold in self.folds for patient in fold)])
        twice = sorted(patient for patient, count in places.items() if count > 1)
        if twice:
            raise ValueError(f"patient {twice[0]} stands in two parts of the split ({len(twice)} such patients)")

    def train_patients(self, fold: int) -> frozenset[str]:
        """Patients of the training set of a fold, from 0. Raises ValueError when there is no such fold."""
        self._require_fold(fold)
        others = (patient for index, part in enumerate(self.folds) if index != fold for patient in part)
        return frozenset([*self.always_train, *others])

    def test_patients(self, fold: int) -> frozenset[str]:
        """Patients of the testing set of a fold, from 0. Raises ValueError when there is no such fold."""
        self._require_fold(fold)
        return frozenset([*self.always_test, *self.folds[fold]])

    def _require_fold(self, fold: int) -> None:
        if not 0 <= fold < len(self.folds):
            raise ValueError(f"the split has folds 0 to {len(self.folds) - 1}, not {fold}")


def paper_split(
    pdac: Sequence[str],
    normal: Sequence[str],
    *,
    folds: int = 4,
    seed: int = 0,
    places: Mapping[str, str] = _ONE_PLACE,
) -> Split:
    """The paper's protocol for these patients: PDAC in folds, normals split once.

    So many normals are trained on that each training set holds about as many normals as PDAC, as in the paper; the
    rest is tested, at least half of them. places: where each patient comes from; every part gets its share of each.
    Raises ValueError when there are fewer PDAC patients than folds.
    """
    if folds < 2:
        raise ValueError(f"cross-validation needs at least 2 folds, got {folds}")
    if len(set(pdac)) < folds:
        raise ValueError(f"{len(set(pdac))} PDAC patients cannot fill {folds} folds")
    abnormal = sorted(_shuffled(pdac, seed, "pdac"), key=lambda patient: places.get(patient, ""))  # dealt out in turn
    healthy = _spread(_shuffled(normal, seed, "normal"), places)
    train = min(round(len(abnormal) * (folds - 1) / folds), len(healthy) // 2)
    return Split(
        folds=tuple(tuple(sorted(abnormal[fold::folds])) for fold in range(folds)),
        always_train=tuple(sorted(healthy[:train])),
        always_test=tuple(sorted(healthy[train:])),
    )


def holdout_split(
    pdac: Sequence[str],
    normal: Sequence[str],
    *,
    test_fraction: float,
    seed: int = 0,
    places: Mapping[str, str] = _ONE_PLACE,
) -> Split:
    """A plain split: this share of the PDAC patients and of the normal ones is tested, the others are trained on.

    Where there are at least two of a kind, at least one stands on each side. Raises ValueError for a fraction that
    leaves nobody to train on or to test. places: as in `paper_split`.
    """
    if not 0 < test_fraction < 1:
        raise ValueError(f"the test fraction must lie between 0 and 1, got {test_fraction}")
    train: list[str] = []
    test: list[str] = []
    for patients, name in ((pdac, "pdac"), (normal, "normal")):
        shuffled = _spread(_shuffled(patients, seed, name), places)
        tested = round(test_fraction * len(shuffled))
        if len(shuffled) > 1:
            tested = min(max(tested, 1), len(shuffled) - 1)
        test += shuffled[:tested]
        train += shuffled[tested:]
    return Split(folds=((),), always_train=tuple(sorted(train)), always_test=tuple(sorted(test)))


def write_split(split: Split, path: Path) -> Path:
    """Write a split file. Raises WriteError."""
    return atomic_file.write_json(path, to_plain(split))


def read_split(path: Path) -> Split:
    """Read a split file. Raises DataError when it is missing, unreadable or names a patient twice."""
    try:
        split = from_plain(Split, read_json(path))
    except OSError as error:
        raise DataError(f"the split file {path} cannot be opened: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} is not a split file: {error}") from error
    if split.format_version != FORMAT_VERSION:
        raise DataError(f"{path} has format {split.format_version}, this version reads {FORMAT_VERSION}")
    return split


def _spread(patients: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """The patients so that any run of them holds about its share of each place; those of one place keep their order.

    places a a a a b b  ->  a b a a b a: the k-th of n of a place stands at (k + 1/2)/n of the way.
    """
    seen: Counter[str] = Counter()
    sizes = Counter(places.get(patient, "") for patient in patients)
    way: dict[str, float] = {}
    for patient in patients:
        place = places.get(patient, "")
        way[patient] = (seen[place] + 0.5) / sizes[place]
        seen[place] += 1
    return sorted(patients, key=lambda patient: way[patient])


def _shuffled(patients: Sequence[str], seed: int, name: str) -> list[str]:
    """Each patient once, in an order that does not depend on the order given."""
    unique = sorted(set(patients))
    return [unique[index] for index in stream(seed, f"split/{name}").permutation(len(unique))]
