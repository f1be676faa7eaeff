"""Reading a CT series from a folder of DICOM slices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.scan_files.hounsfield import to_hounsfield
from PDACScreeningLib.scan_files.image_io import ReadCT, voxels_sha256
from PDACScreeningLib.scan_files.input_check import check_ct
from PDACScreeningLib.scan_files.series_selection import select_series
from PDACScreeningLib.scan_files.slice_header import SliceHeader, read_identifiers
from PDACScreeningLib.scan_files.slice_stack import SliceStack, stack_slices
from PDACScreeningLib.volume.ct_volume import CTVolume


def read_series(
    folder: Path,
    *,
    series: str | None = None,
    include_identifiers: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> ReadCT:
    """Read and check one CT series. Raises InputRejected or InputIndeterminate with one sentence, nothing else.

    series: SeriesInstanceUID or SeriesNumber, needed when the folder holds several CT series.
    Sentences name neither folder nor files; those are in the details of InputRejected.
    Slices are ordered along their normal, so the grid is right-handed whatever the order of the files.
    """
    selected = select_series(folder, series, on_progress)
    stack = stack_slices(selected.slices, _show_the_same)
    units = to_hounsfield(_pixels(stack, on_progress), "the series")
    volume = CTVolume(units.hu, stack.geometry)
    gate_warnings = check_ct(volume, "the series", (units.lowest, units.highest))
    identifiers = {"folder_name": folder.name} | read_identifiers(stack.slices[0].path) if include_identifiers else {}
    return ReadCT(
        volume=volume,
        kind="DICOM series",
        warnings=(*selected.warnings, *stack.warnings, *units.warnings, *gate_warnings),
        voxels_sha256=voxels_sha256(volume.hu),
        identifiers=identifiers,
        slices=stack.slices,
    )


def _pixels(stack: SliceStack, on_progress: OnProgress) -> NDArray[Any]:
    """(z, y, x) values after rescaling, slice by slice, so that a slice that cannot be decoded has a name."""
    first = _plane(stack.slices[0])
    volume = np.empty(stack.geometry.shape, first.dtype)
    for z, header in enumerate(stack.slices):
        on_progress(Progress("reading DICOM slices", z, len(stack.slices)))
        plane = first if z == 0 else _plane(header)
        if plane.dtype != volume.dtype:  # slices may be rescaled one by one
            volume = volume.astype(np.result_type(plane, volume))
        volume[z] = plane
    on_progress(Progress("reading DICOM slices", len(stack.slices), len(stack.slices)))
    return volume


def _plane(header: SliceHeader) -> NDArray[Any]:
    """(y, x) values of one file after its own rescaling. Raises InputRejected when GDCM cannot decode it."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(header.path))
    try:
        pixels: NDArray[Any] = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise InputRejected(
            "the pixels of a slice cannot be decoded: copy the series again, or convert it to an uncompressed one",
            details=header.path.name,
        ) from error
    if pixels.shape != (1, header.rows, header.columns):
        raise InputRejected(
            "a file holds several frames, not one slice: export the series as single slices", details=header.path.name
        )
    plane: NDArray[Any] = pixels[0]
    return plane


def _show_the_same(one: SliceHeader, other: SliceHeader) -> bool:
    return bool(np.array_equal(_plane(one), _plane(other)))
