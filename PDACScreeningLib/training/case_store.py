"""Training cases on the working grid, so that a random patch costs one small read.

A store is a folder: `store.json` lists the cases, and each has files of its voxels in canonical orientation, compressed
(`packed_voxels`) or as plain arrays, `<id>.hu.npy` (int16) and `<id>.labels.npy` (uint8), which are memory-mapped.
`pdac-screening prepare` writes it; several trainings may read it at once.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib import atomic_file
from PDACScreeningLib.array_errors import DAMAGED_ARRAYS, numpy_kept_quiet
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.training.native_truth import NATIVE, read_native_truth
from PDACScreeningLib.training.packed_voxels import (
    PackedArray,
    PackedPlaces,
    body_box,
    only_body,
    packed_files,
    write_packed,
)
from PDACScreeningLib.training.store_index import StoredCase, StoreIndex, read_index
from PDACScreeningLib.volume.box import bounding_box
from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap


@dataclass(frozen=True)
class Case:
    """Voxels of a case: hu (z, y, x) int16 and labels (z, y, x) uint8, memory-mapped and read-only, or compressed.

    Both give a part by its slices, and all of it by `numpy.asarray`.
    """

    facts: StoredCase
    hu: NDArray[np.int16] | PackedArray[np.int16]
    labels: NDArray[np.uint8] | PackedArray[np.uint8]
    native: Path | None = None  # file of the truth on the scan's own grid

    @property
    def places(self) -> tuple[PackedPlaces, PackedPlaces] | None:
        """Where the voxels of pancreas and tumor are, of a compressed case; None of a case of plain arrays."""
        if not isinstance(self.labels, PackedArray):
            return None
        pancreas, tumor = self.facts.pancreas_voxels, self.facts.tumor_voxels
        path = self.labels.path.with_name(packed_files(self.facts.case_id)[2])
        both = pancreas + tumor
        sha256 = self.facts.packed_sha256[2] if self.facts.packed_sha256 else ""
        return PackedPlaces(path, 0, pancreas, both, sha256), PackedPlaces(path, pancreas, tumor, both, sha256)

    @property
    def all_labels(self) -> NDArray[np.uint8]:
        """The labels (z, y, x) of the whole grid."""
        return np.asarray(self.labels)

    @property
    def native_truth(self) -> LabelMap | None:
        """The truth on the scan's own grid, where the store keeps it. Raises DataError when it is damaged."""
        return None if self.native is None else read_native_truth(self.native, self.facts.native_sha256)

    @property
    def ct(self) -> CTVolume:
        """The voxels on their grid; a store does not keep where the grid lies in the world."""
        return CTVolume(np.asarray(self.hu), Geometry(self.facts.shape, self.facts.spacing_mm))


def write_case(
    folder: Path,
    case_id: str,
    ct: CTVolume,
    labels: NDArray[np.uint8],
    *,
    patient_id: str | None = None,
    is_packed: bool = False,
) -> StoredCase:
    """Add one case to a store folder. ct, labels: on the working grid. Without patient_id the case is its own patient.

    is_packed: compressed, and without what lies outside the body. Raises DataError when it has no pancreas, WriteError.
    """
    gland = bounding_box(labels)
    if gland is None:
        raise DataError(f"case {case_id} has no pancreas voxel: nothing to learn from; check its label map")
    body = body_box(ct.hu, labels) if is_packed else None
    hu = ct.hu if body is None else only_body(ct.hu, body)
    remove_case(folder, case_id)
    packed_sha256: tuple[str, ...] = ()
    if body is None:
        hu_path, labels_path = _arrays(folder, case_id)
        _write_array(hu_path, hu)
        _write_array(labels_path, labels)
    else:
        packed_sha256 = write_packed(folder, case_id, hu, labels, body)
    return StoredCase(
        case_id=case_id,
        patient_id=case_id if patient_id is None else patient_id,
        shape=ct.geometry.shape,
        spacing_mm=ct.geometry.spacing_mm,
        pancreas_voxels=int(np.count_nonzero(labels == Label.PANCREAS)),
        tumor_voxels=int(np.count_nonzero(labels == Label.TUMOR)),
        gland_start=gland.start,
        gland_stop=gland.stop,
        content_sha256=_content_sha256(hu, labels),
        body_start=None if body is None else body.start,
        body_stop=None if body is None else body.stop,
        packed_sha256=packed_sha256,
    )


def remove_case(folder: Path, case_id: str) -> None:
    """Delete the voxels of a case; nothing happens when there are none."""
    packed = (folder / name for name in packed_files(case_id))
    for path in (*_arrays(folder, case_id), *packed, folder / f"{case_id}{NATIVE}"):
        path.unlink(missing_ok=True)


def is_intact(folder: Path, facts: StoredCase) -> bool:
    """Whether the voxels of a case are there and hold what they held when they were written."""
    try:
        case = _open_case(folder, facts, _names(folder))
        content = _content_sha256(np.asarray(case.hu), np.asarray(case.labels))
        for places in case.places or ():
            places.all()
    except DataError:
        return False
    return (case.native is None or case.native.exists()) and content == facts.content_sha256


class CaseStore:
    """An opened store, or the part of it with some patients.

    Raises DataError when it is missing, damaged or of another version, or when it lacks one of the patients.
    """

    def __init__(self, folder: Path, patients: frozenset[str] | None = None) -> None:
        self.folder, index = folder, read_index(folder)
        self.index = index if patients is None else _of_patients(index, patients, folder)
        names = _names(folder) if self.index.is_packed else frozenset[str]()
        self.cases = tuple(_open_case(folder, facts, names) for facts in self.index.cases)
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


def _of_patients(index: StoreIndex, patients: frozenset[str], folder: Path) -> StoreIndex:
    missing = sorted(patients - {case.patient_id for case in index.cases})
    if missing:
        raise DataError(
            f"{folder} has no case of {len(missing)} patients of the split, such as {missing[0]}; "
            f"was it prepared from other data, or were they refused?"
        )
    return replace(index, cases=tuple(case for case in index.cases if case.patient_id in patients))


def _names(folder: Path) -> frozenset[str]:
    """The names of all files of a folder, looked up at once. Raises DataError."""
    try:
        return frozenset(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}): check its permissions") from error


def _open_case(folder: Path, facts: StoredCase, names: frozenset[str]) -> Case:
    """names: of the files that are there; a compressed case is opened when it is read."""
    native = folder / f"{facts.case_id}{NATIVE}" if facts.native_sha256 else None
    if facts.body is None:
        return Case(facts, *_open_arrays(folder, facts), native)
    missing = [name for name in packed_files(facts.case_id) if name not in names]
    if missing:
        raise DataError(f"{missing[0]} in {folder} is missing; prepare the store again")
    hu, labels, _ = (folder / name for name in packed_files(facts.case_id))
    of_hu, of_labels, _ = facts.packed_sha256 or ("", "", "")
    return Case(
        facts,
        PackedArray(hu, facts.shape, facts.body, np.int16(AIR_HU), of_hu),
        PackedArray(labels, facts.shape, facts.body, np.uint8(Label.BACKGROUND), of_labels),
        native,
    )


def _open_arrays(folder: Path, facts: StoredCase) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    try:
        with numpy_kept_quiet():
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
    return hu, labels
