"""Reading CT volumes and label maps from NIfTI, NRRD and MetaImage files, and writing volumes.

A file is believed only after its header made sense and its voxel stream proved complete.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from PDACScreeningLib import atomic_file
from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.byte_stream import read_planes, refuse_unlikely_compression
from PDACScreeningLib.scan_files.file_header import read_header
from PDACScreeningLib.scan_files.header_geometry import header_geometry
from PDACScreeningLib.scan_files.hounsfield import HounsfieldUnits, hounsfield_of, scaled
from PDACScreeningLib.scan_files.input_check import check_ct, check_extent, check_uneven
from PDACScreeningLib.scan_files.memory_need import require_memory
from PDACScreeningLib.scan_files.regular_grid import made_regular, what_was_made_regular
from PDACScreeningLib.scan_files.slice_distances import SlicePlaces
from PDACScreeningLib.scan_files.slice_header import SliceHeader
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import LabelMap
from PDACScreeningLib.volume.label_mapping import OWN_LABELS, LabelMapping
from PDACScreeningLib.volume.orientation import canonical_orientation

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


def read_ct_file(
    path: Path, *, include_identifiers: bool = False, on_grid: Callable[[Geometry], None] | None = None
) -> ReadCT:
    """Read and check one CT file. Raises InputRejected or InputIndeterminate with one sentence, nothing else.

    on_grid: is told the grid of the file before its voxels are read.

    Sentences and warnings call it "the input file", unless identifiers were asked for: file names often tell patients.
    Hounsfield units below -1024 (padding) come back as -1024. Values are rounded to int16.
    """
    name = path.name if include_identifiers else "the input file"
    header, header_warnings = read_header(path, name)
    placed = header_geometry(header, may_be_sheared=True)
    refuse_unlikely_compression(header.data_name, [header.data_file], header.data_bytes)
    require_memory(header.shape, name)
    if on_grid is not None:
        on_grid(placed.geometry)
    planes = (scaled(plane, header.slope, header.intercept) for plane in read_planes(header))
    return checked(
        hounsfield_of(planes, header.shape, name),
        placed.geometry,
        name,
        kind=header.kind,
        places=placed.places,
        warnings=(*header_warnings, *placed.warnings),
        identifiers={"file_name": path.name} if include_identifiers else {},
    )


def checked(
    units: HounsfieldUnits,
    geometry: Geometry,
    name: str,
    *,
    kind: str,
    places: SlicePlaces | None,
    warnings: tuple[str, ...],
    identifiers: dict[str, str],
) -> ReadCT:
    """Voxels through the gate, made regular where their slices are not. Raises InputRejected or InputIndeterminate.

    geometry: of the slices as if they were stacked straight. places: where they really lie; None: as they are.
    """
    hu_range = (units.lowest, units.highest)
    if places is None or places.is_regular:
        volume = CTVolume(units.hu, geometry)
        gate_warnings = check_ct(volume, name, hu_range)
    else:
        long_axis = canonical_orientation(geometry).order[0]
        gate_warnings = check_uneven(units.hu, name, hu_range, head_to_foot=long_axis == 0, even=places.is_even)
        volume = made_regular(units.hu, geometry, places)
        gate_warnings += (*check_extent(volume, name), what_was_made_regular(places))
    return ReadCT(
        volume=volume,
        kind=kind,
        warnings=(*warnings, *units.warnings, *gate_warnings),
        voxels_sha256=voxels_sha256(volume.hu),
        identifiers=identifiers,
    )


def checked_volume(volume: CTVolume) -> ReadCT:
    """A volume that did not come from a file, through the same gate. Raises InputRejected or InputIndeterminate."""
    require_memory(volume.hu.shape, "the volume")
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
    for z, plane in enumerate(read_planes(header)):
        try:
            labels[z] = mapping.apply(scaled(plane, header.slope, header.intercept))
        except ValueError as error:
            raise InputRejected(f"{path.name} holds {error}; its label map should hold {mapping}") from error
    return LabelMap(labels, placed.geometry)


def read_volume(path: Path) -> tuple[NDArray[Any], Geometry]:
    """(z, y, x) numbers of a file as they are stored, with their grid. Raises InputRejected for a damaged file."""
    header, _ = read_header(path)
    return np.stack(list(read_planes(header))), header_geometry(header).geometry


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
            placed = header_geometry(header)
            same = all(np.array_equal(plane, own) for plane, own in zip(read_planes(header), array, strict=True))
        except InputRejected as error:
            raise ValueError(str(error)) from error
        if not placed.geometry.is_close(geometry):
            raise ValueError("the geometry did not read back as written")
        if not same:
            raise ValueError("the voxels did not read back as written")

    def write(target: Path) -> None:
        sitk.WriteImage(image, str(target), useCompression=True)

    return atomic_file.write_file(path, write, verify)
