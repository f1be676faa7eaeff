"""Training cases on the working grid, memory-mapped, so that a random patch costs one small read.

A store is a folder: `store.json` lists the cases, `<id>.hu.npy` (int16) and `<id>.labels.npy` (uint8) hold voxels in
canonical orientation. `pdac-screening prepare` writes it; several trainings may read it at once.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib import atomic_file
from PDACScreeningLib.array_errors import DAMAGED_ARRAYS
from PDACScreeningLib.datasets.dataset import DatasetFacts
from PDACScreeningLib.errors import DataError, WriteError
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.training.native_truth import NATIVE, read_native_truth
from PDACScreeningLib.volume.box import Box, bounding_box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import XYZ, ZYX, Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

FORMAT_VERSION = 4  # 2: patients; 3: data sets, refused cases; 4: traits, truth on the scan's own grid
_READ_VERSIONS = (2, 3, 4)  # what 3 and 4 added has defaults
INDEX = "store.json"


@dataclass(frozen=True)
class StoredCase:
    """One case of a store. Counts are voxels of the working grid."""

    case_id: str
    patient_id: str  # cases of one patient never stand on both sides of a split
    shape: ZYX
    spacing_mm: XYZ
    pancreas_voxels: int
    tumor_voxels: int
    gland_start: ZYX  # box of all pancreas and tumor voxels
    gland_stop: ZYX
    content_sha256: str  # of the voxels and labels as stored
    dataset: str = ""  # short name, such as "msd"
    scan_sha256: str = ""  # datasets/scan_identity: the same for one scan, however it is stored
    warnings: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()  # what the data set tells of the case, such as its contrast or a confounder
    native_sha256: str = ""  # of the truth on the scan's own grid, where that is kept

    def __post_init__(self) -> None:
        if self.case_id in ("", ".", "..") or set(self.case_id) & {"/", "\\", "\0"}:
            raise ValueError(f"a case is stored in files of its name, and {self.case_id!r} would lead elsewhere")
        if min(self.shape) < 1 or not all(0 < mm < math.inf for mm in self.spacing_mm):
            raise ValueError(f"case {self.case_id} cannot have the shape {self.shape} and spacing {self.spacing_mm} mm")

    @property
    def gland(self) -> Box:
        """Smallest box covering the entire pancreas, tumor included."""
        return Box(self.gland_start, self.gland_stop)


@dataclass(frozen=True)
class RefusedCase:
    """A case that is not trained on, and why."""

    case_id: str
    dataset: str
    reason: str
    is_duplicate: bool = False  # the scan is there under another name, so nothing is missing


@dataclass(frozen=True)
class StoreIndex:
    """The content of `store.json`."""

    working_spacing_mm: float | None
    source: str  # in words: where the cases come from
    cases: tuple[StoredCase, ...]
    datasets: tuple[DatasetFacts, ...] = ()
    refused: tuple[RefusedCase, ...] = ()
    notes: tuple[str, ...] = ()  # what else a reader of the store should know, one sentence each
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class Case:
    """Voxels of a case: hu (z, y, x) int16 and labels (z, y, x) uint8, both memory-mapped and read-only."""

    facts: StoredCase
    hu: NDArray[np.int16]
    labels: NDArray[np.uint8]
    native: Path | None = None  # file of the truth on the scan's own grid

    @property
    def native_truth(self) -> LabelMap | None:
        """The truth on the scan's own grid, where the store keeps it. Raises DataError when it is damaged."""
        return None if self.native is None else read_native_truth(self.native, self.facts.native_sha256)

    @property
    def ct(self) -> CTVolume:
        """The voxels on their grid; a store does not keep where the grid lies in the world."""
        return CTVolume(self.hu, Geometry(self.facts.shape, self.facts.spacing_mm))


def write_case(
    folder: Path, case_id: str, ct: CTVolume, labels: NDArray[np.uint8], *, patient_id: str | None = None
) -> StoredCase:
    """Add one case to a store folder. ct, labels: on the working grid. Without patient_id the case is its own patient.

    Raises DataError when it has no pancreas, WriteError.
    """
    gland = bounding_box(labels != Label.BACKGROUND)
    if gland is None:
        raise DataError(f"case {case_id} has no pancreas voxel: nothing to learn from; check its label map")
    hu_path, labels_path = _arrays(folder, case_id)
    _write_array(hu_path, ct.hu)
    _write_array(labels_path, labels)
    return StoredCase(
        case_id=case_id,
        patient_id=case_id if patient_id is None else patient_id,
        shape=ct.geometry.shape,
        spacing_mm=ct.geometry.spacing_mm,
        pancreas_voxels=int(np.count_nonzero(labels == Label.PANCREAS)),
        tumor_voxels=int(np.count_nonzero(labels == Label.TUMOR)),
        gland_start=gland.start,
        gland_stop=gland.stop,
        content_sha256=_content_sha256(ct.hu, labels),
    )


def write_index(folder: Path, working_spacing_mm: float | None, source: str, cases: Sequence[StoredCase]) -> Path:
    """Write the `store.json` of cases that nothing else is known of. Raises WriteError."""
    return write_store_index(folder, StoreIndex(working_spacing_mm, source, tuple(cases)))


def write_store_index(folder: Path, index: StoreIndex) -> Path:
    """Write `store.json`; the store counts as finished from then on. Raises WriteError."""
    return atomic_file.write_json(folder / INDEX, to_plain(index))


def remove_index(folder: Path) -> None:
    """Take `store.json` away, because cases are about to change: an unfinished store is never trained on.

    Raises WriteError.
    """
    try:
        (folder / INDEX).unlink(missing_ok=True)
    except OSError as error:
        raise WriteError(f"could not replace {folder / INDEX}: {error.strerror}; check permissions") from error


def remove_case(folder: Path, case_id: str) -> None:
    """Delete the arrays of a case; nothing happens when there are none."""
    for path in (*_arrays(folder, case_id), folder / f"{case_id}{NATIVE}"):
        path.unlink(missing_ok=True)


def is_intact(folder: Path, facts: StoredCase) -> bool:
    """Whether the arrays of a case are there and hold what they held when they were written."""
    try:
        case = _open_case(folder, facts)
    except DataError:
        return False
    is_native_there = case.native is None or case.native.exists()
    return is_native_there and _content_sha256(case.hu, case.labels) == facts.content_sha256


class CaseStore:
    """An opened store, or the part of it with some patients.

    Raises DataError when it is missing, damaged or of another version, or when it lacks one of the patients.
    """

    def __init__(self, folder: Path, patients: frozenset[str] | None = None) -> None:
        self.folder, index = folder, read_index(folder)
        self.index = index if patients is None else _of_patients(index, patients, folder)
        self.cases = tuple(_open_case(folder, facts) for facts in self.index.cases)
        if not self.cases and index.cases:
            raise DataError(
                f"the split names no patient of {folder} for this; make another with `pdac-screening split`"
            )
        if not self.cases:
            raise DataError(f"{folder} holds no case; run `pdac-screening prepare` first")

    @property
    def sha256(self) -> str:
        """Digest of the opened cases, for the provenance of a training."""
        joined = "".join(case.content_sha256 for case in self.index.cases)
        return hashlib.sha256(joined.encode()).hexdigest()


def _arrays(folder: Path, case_id: str) -> tuple[Path, Path]:
    return folder / f"{case_id}.hu.npy", folder / f"{case_id}.labels.npy"


def _write_array(path: Path, array: NDArray[np.int16] | NDArray[np.uint8]) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, np.ascontiguousarray(array), allow_pickle=False)

    def verify(temporary: Path) -> None:
        if not np.array_equal(np.load(temporary, mmap_mode="r", allow_pickle=False), array):
            raise ValueError("the array did not read back as written")

    atomic_file.write_file(path, write, verify)


def _content_sha256(hu: NDArray[np.int16], labels: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(str(hu.shape).encode())
    digest.update(np.ascontiguousarray(hu, "<i2").tobytes())
    digest.update(np.ascontiguousarray(labels).tobytes())
    return digest.hexdigest()


def read_index(folder: Path) -> StoreIndex:
    """The content of `store.json`. Raises DataError when it is missing, damaged or of another version."""
    path = folder / INDEX
    try:
        index = from_plain(StoreIndex, read_json(path))
    except FileNotFoundError as error:
        raise DataError(f"{folder} is not a case store: {INDEX} is missing; run `pdac-screening prepare`") from error
    except OSError as error:
        raise DataError(f"{path} cannot be opened ({error.strerror}): give the folder of a case store") from error
    except ValueError as error:
        raise DataError(f"{path} cannot be read: {error}; prepare the store again") from error
    if index.format_version not in _READ_VERSIONS:
        raise DataError(f"{path} has format {index.format_version}, this version reads {_READ_VERSIONS}; prepare again")
    return index


def _of_patients(index: StoreIndex, patients: frozenset[str], folder: Path) -> StoreIndex:
    missing = sorted(patients - {case.patient_id for case in index.cases})
    if missing:
        raise DataError(
            f"{folder} has no case of {len(missing)} patients of the split, such as {missing[0]}; "
            f"was it prepared from other data, or were they refused?"
        )
    return replace(index, cases=tuple(case for case in index.cases if case.patient_id in patients))


def _open_case(folder: Path, facts: StoredCase) -> Case:
    try:
        hu, labels = (np.load(path, mmap_mode="r", allow_pickle=False) for path in _arrays(folder, facts.case_id))
    except DAMAGED_ARRAYS as error:
        raise DataError(
            f"case {facts.case_id} in {folder} cannot be opened: {error}; prepare the store again"
        ) from error
    if hu.shape != facts.shape or labels.shape != facts.shape:
        raise DataError(f"case {facts.case_id} in {folder} is {hu.shape}, its index says {facts.shape}; prepare again")
    if (hu.dtype, labels.dtype) != (np.int16, np.uint8):
        raise DataError(
            f"case {facts.case_id} in {folder} holds {hu.dtype} and {labels.dtype}; prepare the store again"
        )
    return Case(facts, hu, labels, folder / f"{facts.case_id}{NATIVE}" if facts.native_sha256 else None)
