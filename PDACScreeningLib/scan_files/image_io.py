"""Reading CT volumes and label maps from NIfTI, NRRD and MetaImage files, and writing volumes.

A file is believed only after its header made sense and its voxel stream proved complete.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.byte_stream import read_stored_bytes
from PDACScreeningLib.scan_files.file_header import read_header
from PDACScreeningLib.scan_files.header_geometry import header_geometry
from PDACScreeningLib.scan_files.hounsfield import to_hounsfield
from PDACScreeningLib.scan_files.image_header import ImageHeader
from PDACScreeningLib.scan_files.input_check import check_ct
from PDACScreeningLib.scan_files.slice_header import SliceHeader
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import LabelMap
from PDACScreeningLib.volume.label_mapping import OWN_LABELS, LabelMapping

_WRITTEN = (".nrrd", ".nii.gz", ".nii", ".mha")  # one file each


@dataclass(frozen=True, eq=False)
class ReadCT:
    """A scan that passed the gate."""

    volume: CTVolume  # on the grid and in the order of the file
    kind: str  # "NIfTI", "NRRD", "MetaImage", "DICOM series", "voxels"
    warnings: tuple[str, ...]
    voxels_sha256: str  # of `volume.hu`
    identifiers: dict[str, str] = field(default_factory=dict)  # empty unless asked for
    slices: tuple[SliceHeader, ...] = ()  # of a DICOM series, in the order of the volume


def read_ct_file(path: Path, *, include_identifiers: bool = False) -> ReadCT:
    """Read and check one CT file. Raises InputRejected or InputIndeterminate with one sentence, nothing else.

    Sentences and warnings call it "the input file", unless identifiers were asked for: file names often tell patients.
    Hounsfield units below -1024 (padding) come back as -1024. Values are rounded to int16.
    """
    name = path.name if include_identifiers else "the input file"
    header, header_warnings = read_header(path, name)
    placed = header_geometry(header)
    units = to_hounsfield(_voxels(header), name, slope=header.slope, intercept=header.intercept)
    volume = CTVolume(units.hu, placed.geometry)
    gate_warnings = check_ct(volume, name, (units.lowest, units.highest))
    return ReadCT(
        volume=volume,
        kind=header.kind,
        warnings=(*header_warnings, *placed.warnings, *units.warnings, *gate_warnings),
        voxels_sha256=voxels_sha256(volume.hu),
        identifiers={"file_name": path.name} if include_identifiers else {},
    )


def checked_volume(volume: CTVolume) -> ReadCT:
    """A volume that did not come from a file, through the same gate. Raises InputRejected or InputIndeterminate."""
    hu_range = (int(volume.hu.min()), int(volume.hu.max()))
    warnings = check_ct(volume, "the volume", hu_range)
    return ReadCT(volume, "voxels", warnings, voxels_sha256(volume.hu))


def read_label_map(path: Path, mapping: LabelMapping = OWN_LABELS) -> LabelMap:
    """Read a label map whose numbers mean what `mapping` says.

    Raises InputRejected for a damaged file, an undefined voxel, or a value that is not whole or not in the mapping.
    """
    header, _ = read_header(path)
    placed = header_geometry(header)
    labels = np.empty(header.shape, np.uint8)
    for z, plane in enumerate(_voxels(header)):
        values = plane
        if (header.slope, header.intercept) != (1.0, 0.0):
            values = plane * header.slope + header.intercept
        try:
            labels[z] = mapping.apply(values)
        except ValueError as error:
            raise InputRejected(f"{path.name} holds {error}; its label map should hold {mapping}") from error
    return LabelMap(labels, placed.geometry)


def read_volume(path: Path) -> tuple[NDArray[Any], Geometry]:
    """(z, y, x) numbers of a file as they are stored, with their grid. Raises InputRejected for a damaged file."""
    header, _ = read_header(path)
    return _voxels(header), header_geometry(header).geometry


def write_volume(array: NDArray[Any], geometry: Geometry, path: Path) -> Path:
    """Write a (z, y, x) array as .nrrd, .nii.gz, .nii or .mha (by suffix), compressed; read it back and compare.

    Raises WriteError; an older file of that name then stays as it was. Raises ValueError for another suffix or shape.
    """
    if not path.name.endswith(_WRITTEN):
        raise ValueError(f"a volume is written as {', '.join(_WRITTEN)}, not as {path.name}")
    if array.shape != geometry.shape:
        raise ValueError(f"array is {array.shape}, its geometry says {geometry.shape}")
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)

    def verify(written: Path) -> None:
        try:
            header, _ = read_header(written)
            voxels, placed = _voxels(header), header_geometry(header)
        except InputRejected as error:
            raise ValueError(str(error)) from error
        if not placed.geometry.is_close(geometry):
            raise ValueError("the geometry did not read back as written")
        if not np.array_equal(voxels, array):
            raise ValueError("the voxels did not read back as written")

    def write(target: Path) -> None:
        sitk.WriteImage(image, str(target), useCompression=True)

    return atomic_file.write_file(path, write, verify)


def voxels_sha256(hu: NDArray[np.int16]) -> str:
    """SHA-256 of Hounsfield units as int16 little-endian, in (z, y, x) order."""
    digest = hashlib.sha256()
    for plane in hu:
        digest.update(plane.astype("<i2").tobytes())
    return digest.hexdigest()


def _voxels(header: ImageHeader) -> NDArray[Any]:
    """(z, y, x) numbers as stored; scaling is not applied."""
    voxels: NDArray[Any] = read_stored_bytes(header).view(header.stored).reshape(header.shape)
    return voxels
