"""Segmentations of any program as they are stored: numbers, layers and the names of segments.

NIfTI, NRRD and MetaImage hold one number per voxel. `.seg.nrrd` of 3D Slicer tells names, and several numbers per voxel
where segments overlap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.byte_stream import read_planes
from PDACScreeningLib.scan_files.file_header import is_dicom, read_header
from PDACScreeningLib.scan_files.header_geometry import header_geometry
from PDACScreeningLib.scan_files.hounsfield import scaled
from PDACScreeningLib.scan_files.image_header import ImageHeader
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_mapping import whole_numbers

MOST_LAYERS = 64
_LARGEST = 65535


@dataclass(frozen=True)
class StoredSegment:
    """A segment that the file names, and where its voxels are."""

    id: str
    name: str
    layer: int
    number: int


@dataclass(frozen=True, eq=False)
class StoredSegmentation:
    """numbers: (layer, z, y, x) uint8 or uint16, one layer unless segments overlap.

    segments: those that the file names, () where it names none.
    """

    numbers: NDArray[np.uint8] | NDArray[np.uint16]
    geometry: Geometry
    segments: tuple[StoredSegment, ...] = ()

    def found(self) -> frozenset[int]:
        """Every number but 0 that a voxel of any layer has."""
        there = np.zeros(_LARGEST + 1, np.bool_)
        for layer in self.numbers:
            for plane in layer:
                there[plane.ravel()] = True
        return frozenset((np.flatnonzero(there[1:]) + 1).tolist())


def read_segmentation(path: Path, name: str | None = None) -> StoredSegmentation:
    """Read the numbers of a segmentation. name: what sentences call the file; None takes its own name.

    Raises InputRejected for a damaged file, another format, an undefined voxel, and numbers that no label map holds.
    """
    called = path.name if name is None else name
    _refuse_dicom(path, called)
    header, _ = read_header(path, name, most_layers=MOST_LAYERS)
    geometry = header_geometry(header).geometry
    numbers = np.empty((header.components, *header.shape), np.uint8 if header.stored == np.uint8 else np.uint16)
    for z, plane in enumerate(read_planes(header)):
        stored = plane.reshape(*header.shape[1:], header.components)
        try:
            whole = _unsigned(scaled(stored, header.slope, header.intercept))
        except ValueError as error:
            raise InputRejected(f"{called} holds {error}: it is no segmentation with a number per structure") from error
        numbers[:, z] = np.moveaxis(whole, -1, 0)
    return StoredSegmentation(numbers, geometry, stored_segments(header))


def _refuse_dicom(path: Path, called: str) -> None:
    """Raise InputRejected for a DICOM file or a folder of them; see `dicom_segmentation` for what is read of DICOM."""
    try:
        with path.open("rb") as file:
            is_object = is_dicom(file.read(132))
    except OSError:
        is_object = path.is_dir()
    if is_object:
        raise InputRejected(
            f"{called} is DICOM, but no segmentation object: give the one file of the segmentation, or load it in 3D "
            "Slicer and export it as .seg.nrrd or .nii.gz"
        )


def _unsigned(numbers: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers from 0 to 65535. Raises ValueError for the first that is none."""
    whole = whole_numbers(numbers)
    for wrong in (whole < 0, whole > _LARGEST):
        if wrong.any():
            raise ValueError(f"the value {whole[wrong][0]}")
    return whole


def stored_segments(header: ImageHeader) -> tuple[StoredSegment, ...]:
    """The segments that 3D Slicer wrote into the header; those that make no sense are left out."""
    remarks, layers = header.remarks, header.components
    found = []
    for number in sorted({int(match[1]) for key in remarks if (match := re.match(r"Segment(\d{1,4})_", key))}):
        values = {part: remarks.get(f"Segment{number}_{part}", "") for part in ("ID", "Name", "Layer", "LabelValue")}
        layer, label = values["Layer"] or "0", values["LabelValue"] or "1"
        if layer.isascii() and label.isascii() and layer.isdigit() and label.isdigit() and int(layer) < layers:
            found.append(StoredSegment(values["ID"], values["Name"] or values["ID"], int(layer), int(label)))
    return tuple(found)
