"""The claims of a NIfTI file (.nii, .nii.gz, or .hdr with its .img beside it)."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.image_header import FARTHEST_MM, ORIENTATION_UNKNOWN, ImageHeader
from PDACScreeningLib.scan_files.nifti_fields import NIFTI_1_BYTES, NiftiFields, nifti_fields

_FIRST_VOXEL_AT_LEAST = {1: 352, 2: 544}
_DTYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_COLORS = {128: 3, 2304: 4, 32: 2, 1792: 2}  # RGB24, RGBA32, complex: numbers per voxel
_RAS_TO_LPS = np.array([[-1.0], [-1.0], [1.0]])
_SAME_SPACING = 0.01
_SAME_PLACE_MM = 1.0
_UNIT_QUATERNION = 1e-3  # how far beyond 1 rounding takes b, c, d


def parse(path: Path, start: bytes, name: str, *, file_is_gzip: bool) -> ImageHeader:
    """The header of a NIfTI-1 or NIfTI-2 file. Raises InputRejected for impossible fields.

    start: the (decompressed) beginning of the file. name: of the file, in sentences.
    """
    fields = nifti_fields(start, name)
    if not 1 <= fields.dimensions <= 7:
        raise InputRejected(
            f"the header of {name} claims {fields.dimensions} dimensions: the file is damaged, export it again"
        )
    if fields.datatype not in _DTYPES and fields.datatype not in _COLORS:
        raise InputRejected(
            f"{name} stores voxels as NIfTI data type {fields.datatype}, which no CT uses: export it as int16"
        )
    first_voxel = 0 if fields.is_pair else _FIRST_VOXEL_AT_LEAST[fields.version]
    if not first_voxel <= fields.offset < 2**31:
        raise InputRejected(f"the header of {name} puts the voxels at byte {fields.offset:g}: the file is damaged")
    slope, intercept = _scaling(name, fields.slope, fields.intercept)
    sform, qform = _sform(name, fields), _qform(name, fields)
    data_file = _image_beside(path, name) if fields.is_pair else path
    known = fields.qform_code > 0 or fields.sform_code > 0
    return ImageHeader(
        kind="NIfTI",
        name=name,
        sizes=fields.lengths[: fields.dimensions],
        components=_COLORS.get(fields.datatype, 1),
        stored=np.dtype(fields.order + _DTYPES.get(fields.datatype, "u1")),
        spacing_mm=fields.spacing_mm,
        text=_rewritten(fields),
        data_file=data_file,
        data_offset=int(fields.offset),
        data_is_beside=fields.is_pair,
        file_is_gzip=_is_gzip(data_file) if fields.is_pair else file_is_gzip,
        slope=slope,
        intercept=intercept,
        warnings=_contradiction(sform, qform, fields.lengths) if known else (ORIENTATION_UNKNOWN,),
        affine_lps=qform if sform is None else sform,
    )


def _scaling(name: str, slope: float, intercept: float) -> tuple[float, float]:
    """A slope of 0 (or NaN, as some software writes) means unscaled; then an intercept makes no sense."""
    unscaled = slope == 0 or np.isnan(slope)
    meaningless = np.isinf(slope) or np.isinf(intercept) or (not unscaled and np.isnan(intercept))
    if meaningless or slope < 0 or (unscaled and not (intercept == 0 or np.isnan(intercept))):
        raise InputRejected(
            f"the header of {name} has a contradictory intensity scaling (slope {slope:g}, intercept {intercept:g}): "
            "export the CT again with Hounsfield units"
        )
    return (1.0, 0.0) if unscaled else (slope, intercept)


def _sform(name: str, fields: NiftiFields) -> NDArray[np.float64] | None:
    """The affine index -> LPS mm, if the header has one. Raises InputRejected when it contradicts the spacing."""
    if fields.sform_code <= 0:
        return None
    affine = np.array(fields.sform, np.float64).reshape(3, 4)
    _require_placed(name, affine, affine)  # a step of 100 m is no better than an origin there
    lengths = np.linalg.norm(affine[:, :3], axis=0)
    spacing = tuple(abs(mm) for mm in fields.spacing_mm)
    if not np.allclose(lengths, spacing, rtol=_SAME_SPACING) and not _is_leaning(affine, spacing):
        raise InputRejected(
            f"the header of {name} contradicts itself: spacing {_mm(spacing)}, but its affine (sform) says "
            f"{_mm(tuple(lengths))}; export the volume again"
        )
    affine_lps: NDArray[np.float64] = affine * _RAS_TO_LPS
    return affine_lps


def _is_leaning(affine: NDArray[np.float64], spacing: tuple[float, ...]) -> bool:
    """Whether the affine is that of a tilted gantry whose spacing is told along the normal, not along the lean."""
    x, y, z = affine[:, 0], affine[:, 1], affine[:, 2]
    normal = np.cross(x, y)
    size = float(np.linalg.norm(normal))
    steps = (float(np.linalg.norm(x)), float(np.linalg.norm(y)), abs(float(z @ normal)) / size if size else 0.0)
    return bool(np.allclose(steps, spacing, rtol=_SAME_SPACING))


def _qform(name: str, fields: NiftiFields) -> NDArray[np.float64] | None:
    """The rigid placement index -> LPS mm (3, 4), if the header has one: a rotation, written as a quaternion."""
    if fields.qform_code <= 0:
        return None
    b, c, d = fields.quaternion
    _require_placed(name, np.array(fields.quaternion), np.array(fields.qform_origin_mm))
    length = b * b + c * c + d * d
    if length > 1 + _UNIT_QUATERNION:
        raise InputRejected(
            f"the header of {name} gives a rotation that is none (quaternion of length {math.sqrt(length):.3g}): the "
            "file is damaged, export it again"
        )
    a = np.sqrt(max(0.0, 1.0 - length))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    steps = np.abs(fields.spacing_mm) * (1.0, 1.0, -1.0 if fields.handedness < 0 else 1.0)
    affine_lps: NDArray[np.float64] = np.column_stack([rotation * steps, fields.qform_origin_mm]) * _RAS_TO_LPS
    return affine_lps


def _require_placed(name: str, numbers: NDArray[np.float64], origin_mm: NDArray[np.float64]) -> None:
    if not (np.isfinite(numbers).all() and np.isfinite(origin_mm).all() and np.abs(origin_mm).max() <= FARTHEST_MM):
        raise InputRejected(
            f"the header of {name} places the scan at undefined positions (NaN, infinite or 100 m away): export the "
            "volume again"
        )


def _contradiction(
    sform: NDArray[np.float64] | None, qform: NDArray[np.float64] | None, lengths: tuple[int, ...]
) -> tuple[str, ...]:
    """A warning when the two placements of a header put a corner of the scan at different places (left at right, say).

    A qform cannot lean as a sform can: next to a tilted scan it holds the upright part, and that is no contradiction.
    lengths: voxels along (x, y, z, ...).
    """
    if sform is None or qform is None or len(lengths) < 3:
        return ()
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(lengths[:3]) - 1)
    apart_mm = min(_apart_mm(corners, one, qform) for one in (sform, _upright(sform)))
    if not apart_mm > _SAME_PLACE_MM:
        return ()
    return (
        f"the header places the scan in two ways (qform, sform) that are up to {apart_mm:.0f} mm apart; the one that "
        "3D Slicer takes was used, check that left and right are where they should be",
    )


def _apart_mm(corners: NDArray[np.int_], one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The largest distance between where two affines (3, 4) put a corner. corners: (n, 3) indices (x, y, z)."""
    apart = one - other
    return float(np.linalg.norm(corners @ apart[:, :3].T + apart[:, 3], axis=1).max())


def _upright(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rigid placement (3, 4) nearest to an affine, with its steps and origin: without its shear."""
    steps = np.linalg.norm(affine[:, :3], axis=0)
    u, _, v = np.linalg.svd(affine[:, :3] / np.where(steps > 0, steps, 1.0))
    upright: NDArray[np.float64] = np.column_stack([u @ v * steps, affine[:, 3]])
    return upright


def _rewritten(fields: NiftiFields) -> bytes:
    """A NIfTI-1 header with the placement and nothing else: what ITK is shown."""
    header = bytearray(NIFTI_1_BYTES + 4)  # no extensions
    struct.pack_into("<i", header, 0, NIFTI_1_BYTES)
    sizes = [min(max(length, 1), 2**15 - 1) for length in fields.lengths[:3]]  # judged by check_claims
    struct.pack_into("<8h", header, 40, 3, *sizes, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4, 16)
    handedness = -1.0 if fields.handedness < 0 else 1.0
    spacing = [abs(mm) if math.isfinite(mm) else 0.0 for mm in fields.spacing_mm]
    struct.pack_into("<4f", header, 76, handedness, *map(_single, spacing))
    struct.pack_into("<3f", header, 108, 352.0, 1.0, 0.0)
    header[123] = 2  # millimeters
    struct.pack_into("<2h", header, 252, fields.qform_code, fields.sform_code)
    if fields.qform_code > 0:
        struct.pack_into("<6f", header, 256, *map(_single, (*fields.quaternion, *fields.qform_origin_mm)))
    if fields.sform_code > 0:
        struct.pack_into("<12f", header, 280, *map(_single, fields.sform))
    header[344:348] = b"n+1\0"
    return bytes(header)


def _single(value: float) -> float:
    """Numbers beyond single precision are refused later; here they must not stop the header from being written."""
    return float(np.clip(value, -3e38, 3e38))


def _image_beside(path: Path, name: str) -> Path:
    """The .img of a .hdr, compressed or not. Raises InputRejected when it is not there."""
    stem = path.name[: -len(".hdr.gz")] if path.name.lower().endswith(".hdr.gz") else path.stem
    for ending in (".img", ".img.gz", ".IMG"):
        if (path.parent / f"{stem}{ending}").is_file():
            return path.parent / f"{stem}{ending}"
    raise InputRejected(f"the data file (.img) of {name} is missing: keep both in one folder", details=f"{stem}.img")


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _mm(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ") mm"
