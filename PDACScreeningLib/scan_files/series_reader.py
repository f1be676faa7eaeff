"""Reading a CT series: a folder of DICOM slices, or one multi-frame file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.scan_files.byte_stream import refuse_unlikely_compression
from PDACScreeningLib.scan_files.dicom_file import read_identifiers
from PDACScreeningLib.scan_files.hounsfield import hounsfield_of
from PDACScreeningLib.scan_files.image_io import ReadCT, checked
from PDACScreeningLib.scan_files.memory_need import require_memory
from PDACScreeningLib.scan_files.pixel_data import PixelReader
from PDACScreeningLib.scan_files.series_selection import select_series
from PDACScreeningLib.scan_files.slice_header import SliceHeader
from PDACScreeningLib.scan_files.slice_stack import SliceStack, stack_slices
from PDACScreeningLib.volume.geometry import Geometry

_NAME = "the series"


def read_series(
    place: Path,
    *,
    named: Path | None = None,
    series: str | None = None,
    acquisition: str | None = None,
    include_identifiers: bool = False,
    on_grid: Callable[[Geometry], None] | None = None,
    on_progress: OnProgress = ignore_progress,
) -> ReadCT:
    """Read and check one CT series. Raises InputRejected or InputIndeterminate with one sentence, nothing else.

    place: a folder, or a multi-frame file. series: SeriesInstanceUID, SeriesNumber or words of the description, needed
    when there are several CT series. acquisition: which one of a series that holds several.
    named: what the user gave, where that is not the place, as with an archive that was unpacked.
    on_grid: is told the grid of the slices before their voxels are read.
    Sentences name neither folder nor files; those are in the details of InputRejected.
    Slices are ordered along their normal, so the grid is right-handed whatever the order of the files.
    """
    selected = select_series(place, series, on_progress)
    reader = PixelReader()
    stack = stack_slices(selected.slices, lambda one, other: _show_the_same(reader, one, other), acquisition)
    promised = math.prod(stack.geometry.shape) * np.dtype(np.int16).itemsize
    refuse_unlikely_compression(_NAME, {header.path for header in stack.slices}, promised)
    require_memory(stack.geometry.shape, _NAME)
    if on_grid is not None:
        on_grid(stack.geometry)
    units = hounsfield_of(_planes(stack, reader, on_progress), stack.geometry.shape, _NAME)
    read = checked(
        units,
        stack.geometry,
        _NAME,
        kind="DICOM series",
        places=stack.places,
        warnings=(*selected.warnings, *stack.warnings),
        identifiers=_identifiers(named or place, stack) if include_identifiers else {},
    )
    return replace(read, slices=stack.slices)


def _identifiers(place: Path, stack: SliceStack) -> dict[str, str]:
    return {"file_name" if place.is_file() else "folder_name": place.name} | read_identifiers(stack.slices[0].path)


def _planes(stack: SliceStack, reader: PixelReader, on_progress: OnProgress) -> Iterator[NDArray[Any]]:
    """(y, x) values after rescaling, slice by slice, so that a slice that cannot be decoded has a name."""
    for z, header in enumerate(stack.slices):
        on_progress(Progress("reading DICOM slices", z, len(stack.slices)))
        yield reader.hounsfield_plane(header)
    on_progress(Progress("reading DICOM slices", len(stack.slices), len(stack.slices)))


def _show_the_same(reader: PixelReader, one: SliceHeader, other: SliceHeader) -> bool:
    return bool(np.array_equal(reader.hounsfield_plane(one), reader.hounsfield_plane(other)))
