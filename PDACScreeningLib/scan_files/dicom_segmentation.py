"""DICOM segmentation objects as numbers on the grid of their scan: binary ones, and label maps of Supplement 243.

Frames without a voxel are usually left out, so only the scan says where the others lie. A frame that is no whole slice
of the scan, in whatever order of axes, is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.header_fields import identity
from PDACScreeningLib.scan_files.segmentation_file import MOST_LAYERS, StoredSegment, StoredSegmentation
from PDACScreeningLib.scan_files.slice_header import SliceHeader
from PDACScreeningLib.volume.geometry import Direction, Geometry

SEGMENTATION, LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
_PARALLEL = 0.999  # cosine
_SAME_PLACE_MM = 0.1
_MOST_SEGMENTS = 1000
_BROKEN = "{} is a damaged DICOM segmentation: export it again"


@dataclass(frozen=True)
class _Frame:
    """Number of its segment, 0 for a label map of all of them, and where its first pixel lies."""

    segment: int
    position_mm: NDArray[np.float64]


def is_dicom_segmentation(path: Path) -> bool:
    """Whether a file is a DICOM segmentation object."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            head = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
        return str(head.get("SOPClassUID") or "") in (SEGMENTATION, LABEL_MAP)
    except Exception:  # damaged bytes can make the parser raise anything
        return False


def read_dicom_segmentation(
    path: Path, name: str, scan: Geometry, slices: tuple[SliceHeader, ...] = ()
) -> StoredSegmentation:
    """The segments of a file on the voxels of a scan, in the order of axes of the file.

    name: what sentences call the file. slices: of a scan that is DICOM, whose patient and frame of reference the file
    must name. Raises InputRejected for another patient, another grid, a damaged file, and a fractional segmentation.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd values; those that matter are checked here
            dataset = pydicom.dcmread(path)
            _require_same_patient(dataset, name, slices)
            return _read(dataset, name, scan)
    except InputRejected:
        raise
    except Exception as error:  # damaged bytes can make the parser raise anything
        raise InputRejected(_BROKEN.format(name), details=type(error).__name__) from error


def _require_same_patient(dataset: Dataset, name: str, slices: tuple[SliceHeader, ...]) -> None:
    if not slices:
        return
    (patient, _, frame), (own_patient, _, own_frame) = slices[0].identity, identity(dataset)
    if own_patient != patient:
        raise InputRejected(f"{name} names another patient than the scan: give the segmentation of this very scan")
    if own_frame != frame:
        raise InputRejected(f"{name} was made on another frame of reference than the scan: export it on this very scan")


def _read(dataset: Dataset, name: str, scan: Geometry) -> StoredSegmentation:
    kind = str(dataset.get("SegmentationType") or "")
    if kind not in ("BINARY", "LABELMAP"):
        raise InputRejected(f"{name} is a {kind.lower() or 'strange'} DICOM segmentation: export a binary one")
    frames = _frames(dataset)
    geometry = _geometry(dataset, frames[0], scan, name)
    layers = [np.zeros(geometry.shape, np.uint16)]
    places: set[tuple[int, int]] = set()
    for frame, pixels in zip(frames, _pixels(dataset, len(frames)), strict=True):
        z = _slice_of(frame, geometry, name)
        for number in np.unique(pixels[pixels != 0]):
            segment = frame.segment or int(number)
            layer = _put(layers, z, pixels == number, segment, name)
            places.add((layer, segment))
    labels = {int(item.SegmentNumber): str(item.get("SegmentLabel") or "") for item in dataset.SegmentSequence}
    segments = tuple(
        StoredSegment(f"Segment_{number}", labels.get(number) or str(number), layer, number)
        for layer, number in sorted(places | {(0, number) for number in labels if number})
    )
    return StoredSegmentation(np.stack(layers), geometry, segments)


def _frames(dataset: Dataset) -> list[_Frame]:
    shared = dataset.get("SharedFunctionalGroupsSequence", [Dataset()])[0]
    frames = []
    for own in dataset.PerFrameFunctionalGroupsSequence:
        number = 0
        if "SegmentIdentificationSequence" in own or "SegmentIdentificationSequence" in shared:
            holder = own if "SegmentIdentificationSequence" in own else shared
            number = int(holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        if not 0 <= number <= _MOST_SEGMENTS:
            raise ValueError("a segment number that cannot be")
        position = own.PlanePositionSequence[0].ImagePositionPatient
        frames.append(_Frame(number, np.array([float(mm) for mm in position])))
    if len(frames) != int(dataset.NumberOfFrames):
        raise ValueError("frames are missing")
    return frames


def _geometry(dataset: Dataset, first: _Frame, scan: Geometry, name: str) -> Geometry:
    """The whole scan's grid in the directions of the frames, as long along their normal as the scan is."""
    shared = dataset.get("SharedFunctionalGroupsSequence", [Dataset()])[0]
    holder = shared if "PlaneOrientationSequence" in shared else dataset.PerFrameFunctionalGroupsSequence[0]
    values = np.array([float(value) for value in holder.PlaneOrientationSequence[0].ImageOrientationPatient])
    row, column = values[:3], values[3:]
    axes = np.stack([row, column, np.cross(row, column)], axis=1)
    alike = np.abs(axes.T @ scan.axes)
    if not bool((alike.max(axis=1) > _PARALLEL).all()):
        raise InputRejected(f"{name} lies oblique to the scan: export it on the grid of this very scan")
    spacing = [scan.spacing_mm[int(axis)] for axis in alike.argmax(axis=1)]
    z, y, x = scan.shape
    corners = scan.index_to_world(np.array(list(np.ndindex(2, 2, 2))) * (z - 1, y - 1, x - 1))
    along = (corners - first.position_mm) @ axes[:, 2]
    count = round(float(np.ptp(along)) / spacing[2]) + 1
    measures = shared if "PixelMeasuresSequence" in shared else dataset.PerFrameFunctionalGroupsSequence[0]
    between_rows, between_columns = (float(mm) for mm in measures.PixelMeasuresSequence[0].PixelSpacing)
    origin = first.position_mm + along.min() * axes[:, 2]
    return Geometry(
        (count, int(dataset.Rows), int(dataset.Columns)),
        (between_columns, between_rows, spacing[2]),
        (float(origin[0]), float(origin[1]), float(origin[2])),
        _direction(axes),
    )


def _direction(axes: NDArray[np.float64]) -> Direction:
    a, b, c, d, e, f, g, h, i = (float(value) for value in axes.ravel())
    return (a, b, c, d, e, f, g, h, i)


def _slice_of(frame: _Frame, geometry: Geometry, name: str) -> int:
    """Which slice a frame is. Raises InputRejected for one between, beside or outside of the slices of the scan."""
    z, y, x = geometry.world_to_index(frame.position_mm)
    index = round(float(z))
    apart_mm = np.abs([z - index, y, x]) * geometry.spacing_mm[::-1]
    if apart_mm.max() > _SAME_PLACE_MM or not 0 <= index < geometry.shape[0]:
        raise InputRejected(f"a frame of {name} is no slice of the scan: export it on the grid of this very scan")
    return index


def _pixels(dataset: Dataset, count: int) -> Iterator[NDArray[Any]]:
    """(y, x) numbers of each frame. Bits of binary frames follow each other without a gap."""
    size = int(dataset.Rows) * int(dataset.Columns)
    if int(dataset.BitsAllocated) != 1:
        yield from (pixel_array(dataset, index=index) for index in range(count))
        return
    stored = np.frombuffer(dataset.PixelData, np.uint8)
    for index in range(count):
        first = index * size
        part = np.unpackbits(stored[first // 8 : (first + size + 7) // 8], bitorder="little")
        yield part[first % 8 : first % 8 + size].reshape(int(dataset.Rows), int(dataset.Columns))


def _put(layers: list[NDArray[np.uint16]], z: int, mask: NDArray[np.bool_], number: int, name: str) -> int:
    """Write a segment's voxels of one slice into the first layer where no other segment is; which one that was."""
    for place, layer in enumerate(layers):
        if not layer[z][mask].any():
            layer[z][mask] = number
            return place
    if len(layers) == MOST_LAYERS:
        raise InputRejected(f"more than {MOST_LAYERS} segments of {name} overlap")
    layers.append(np.zeros_like(layers[0]))
    layers[-1][z][mask] = number
    return len(layers) - 1
