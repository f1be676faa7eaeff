"""The geometry of an image file, as ITK (and so 3D Slicer) understands its header."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.image_header import FARTHEST_MM, ImageHeader
from PDACScreeningLib.scan_files.slice_distances import LARGEST_TILT_DEGREES, SlicePlaces
from PDACScreeningLib.volume.geometry import Geometry

sitk.ProcessObject.GlobalWarningDisplayOff()  # ITK's own warnings go to stderr; ours are in the result

MAX_SHEAR_DEGREES = 0.1
_EXACT_DEGREES = 1e-3  # single precision headers are no better
_READERS = {"NIfTI": ("NiftiImageIO", ".nii"), "NRRD": ("NrrdImageIO", ".nrrd"), "MetaImage": ("MetaImageIO", ".mha")}


@dataclass(frozen=True)
class HeaderGeometry:
    """A geometry and what had to be mended in it."""

    geometry: Geometry
    warnings: tuple[str, ...]
    places: SlicePlaces | None = None  # of slices that lean; `geometry` is then that of slices stacked straight


def header_geometry(header: ImageHeader, *, may_be_sheared: bool = False) -> HeaderGeometry:
    """Geometry of a header whose claims were checked. Raises InputRejected when no CT can lie like that.

    Axes that miss a right angle by less than 0.1 degrees are replaced by the nearest orthonormal ones, with a warning.
    may_be_sheared: take slices that lean against each other, as a tilted gantry leaves them.
    """
    _refuse_faraway(header)
    if header.affine_lps is not None and (leaning := _shear_degrees(header.affine_lps)) >= MAX_SHEAR_DEGREES:
        if may_be_sheared and leaning <= LARGEST_TILT_DEGREES:
            return _sheared(header, header.affine_lps)
        raise InputRejected(_too_sheared(header.name, leaning))
    try:
        spacing, origin, axes = _as_itk_reads_it(header)
    except RuntimeError as error:
        if header.affine_lps is None:
            raise InputRejected(
                f"the header of {header.name} has no usable geometry: export the volume again"
            ) from error
        spacing, origin, axes = _as_the_affine_says(header.affine_lps)  # ITK refuses the slightest shear
    axes, warnings = _orthonormal(axes, header.name)
    try:
        geometry = Geometry(
            header.shape,
            (float(spacing[0]), float(spacing[1]), float(spacing[2])),
            (float(origin[0]), float(origin[1]), float(origin[2])),
            _row_by_row(axes),
        ).rounded()
    except ValueError as error:
        raise InputRejected(f"the geometry of {header.name} is impossible ({error}): export it again") from error
    return HeaderGeometry(geometry, warnings)


def _refuse_faraway(header: ImageHeader) -> None:
    """Refuse what lies further away than any scanner is long: its numbers are damaged."""
    if header.affine_lps is not None and np.abs(header.affine_lps[:, 3]).max() > FARTHEST_MM:
        raise InputRejected(
            f"the header of {header.name} places the scan {np.abs(header.affine_lps[:, 3]).max() / 1000:.3g} m away: "
            "the file is damaged, export it again"
        )


def _row_by_row(
    axes: NDArray[np.float64],
) -> tuple[float, float, float, float, float, float, float, float, float]:
    a, b, c, d, e, f, g, h, i = (float(value) for value in axes.ravel())
    return (a, b, c, d, e, f, g, h, i)


_Placement = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def _as_itk_reads_it(header: ImageHeader) -> _Placement:
    """Spacing, origin and axes from a copy of the header alone: ITK neither reads voxels nor trusts file names."""
    reader_name, suffix = _READERS[header.kind]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"header{suffix}"
        copy.write_bytes(header.text)
        reader = sitk.ImageFileReader()
        reader.SetImageIO(reader_name)
        reader.SetFileName(str(copy))
        reader.ReadImageInformation()
    dimension = reader.GetDimension()
    direction = np.array(reader.GetDirection()).reshape(dimension, dimension)[:3, :3]
    return np.array(reader.GetSpacing()[:3]), np.array(reader.GetOrigin()[:3]), direction


def _as_the_affine_says(affine: NDArray[np.float64]) -> _Placement:
    spacing = np.linalg.norm(affine[:, :3], axis=0)
    return spacing, affine[:, 3], affine[:, :3] / spacing


def _too_sheared(name: str, degrees: float) -> str:
    return (
        f"the axes of {name} are sheared by {degrees:.1f} degrees (a tilted gantry?): resample the scan to a grid with "
        "right angles, for example when exporting it from the original DICOM series"
    )


def _shear_degrees(affine: NDArray[np.float64]) -> float:
    """The largest deviation of two axes from a right angle; 90 when axes span no volume."""
    lengths = np.linalg.norm(affine[:, :3], axis=0)
    if not (lengths > 0).all() or not np.isfinite(affine).all():
        return 0.0  # told in other words elsewhere
    axes = affine[:, :3] / lengths
    cosines = np.abs(axes.T @ axes - np.diag(np.diag(axes.T @ axes)))
    return float(np.rad2deg(np.arcsin(min(1.0, cosines.max()))))


def _sheared(header: ImageHeader, affine: NDArray[np.float64]) -> HeaderGeometry:
    """Slices whose own rows and columns are at right angles, but which lean. Raises InputRejected for other shears."""
    x, y, z = affine[:, 0], affine[:, 1], affine[:, 2]
    x_mm, y_mm = float(np.linalg.norm(x)), float(np.linalg.norm(y))
    row, column = x / x_mm, y / y_mm
    if abs(np.rad2deg(np.arcsin(np.clip(row @ column, -1, 1)))) >= MAX_SHEAR_DEGREES:
        raise InputRejected(_too_sheared(header.name, _shear_degrees(affine)))
    column = column - (column @ row) * row
    column /= np.linalg.norm(column)
    normal = np.cross(row, column)
    normal = normal if normal @ z > 0 else -normal
    step = np.array([z @ row, z @ column, z @ normal])
    numbers = np.arange(header.shape[0], dtype=np.float64)
    geometry = Geometry(
        header.shape,
        (x_mm, y_mm, float(step[2])),
        (float(affine[0, 3]), float(affine[1, 3]), float(affine[2, 3])),
        _row_by_row(np.stack([row, column, normal], axis=1)),
    ).rounded()
    tilt = float(np.rad2deg(np.arctan2(np.hypot(step[0], step[1]), step[2])))
    places = SlicePlaces(numbers * step[2], numbers[:, None] * step[:2], float(step[2]), tilt)
    return HeaderGeometry(geometry, (), places)


def _orthonormal(axes: NDArray[np.float64], name: str) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """The nearest orthonormal axes, with a warning when that is a change. Raises InputRejected for more than a hair."""
    cosines = axes.T @ axes - np.eye(3)
    if not np.isfinite(cosines).all():
        raise InputRejected(f"the axes of {name} are undefined: export the volume again from the original images")
    shear_degrees = float(np.rad2deg(np.arcsin(min(1.0, np.abs(cosines).max()))))
    if shear_degrees <= _EXACT_DEGREES:
        return axes, ()
    if shear_degrees >= MAX_SHEAR_DEGREES:
        raise InputRejected(_too_sheared(name, shear_degrees))
    left, _, right = np.linalg.svd(axes)
    warning = (
        f"the axes of the scan miss a right angle by {shear_degrees:.3f} degrees; the nearest right angles were used"
    )
    return left @ right, (warning,)
