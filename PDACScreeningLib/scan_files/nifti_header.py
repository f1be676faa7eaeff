"""The header of a NIfTI-1 file (.nii, .nii.gz), 348 bytes of fixed layout."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.image_header import ImageHeader

HEADER_BYTES = 348
_FIRST_VOXEL_AT_LEAST = 352
_DTYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_COLORS = {128: 3, 2304: 4, 32: 2, 1792: 2}  # RGB24, RGBA32, complex: numbers per voxel
_RAS_TO_LPS = np.array([[-1.0], [-1.0], [1.0]])
_SAME_SPACING = 0.01
_SAME_PLACE_MM = 1.0


def is_nifti(start: bytes) -> bool:
    """Whether the first bytes of a (decompressed) file are a NIfTI header of any version."""
    return start[344:348] in (b"n+1\0", b"ni1\0") or start[4:8] in (b"n+2\0", b"ni2\0")


def parse(path: Path, start: bytes, name: str, *, file_is_gzip: bool) -> ImageHeader:
    """The header of a single-file NIfTI-1. Raises InputRejected for other variants and for impossible fields.

    start: the (decompressed) beginning of the file. name: of the file, in sentences.
    """
    if start[344:348] != b"n+1\0":
        raise InputRejected(
            f"{name} is NIfTI-2 or half of a .hdr/.img pair, which is not read here: save it as one .nii.gz file"
        )
    order = "<" if struct.unpack("<i", start[:4])[0] == HEADER_BYTES else ">"
    count, *lengths = struct.unpack(f"{order}8h", start[40:56])
    if not 1 <= count <= 7:
        raise InputRejected(f"the header of {name} claims {count} dimensions: the file is damaged, export it again")
    datatype = struct.unpack(f"{order}h", start[70:72])[0]
    if datatype not in _DTYPES and datatype not in _COLORS:
        raise InputRejected(f"{name} stores voxels as NIfTI data type {datatype}, which no CT uses: export it as int16")
    pixdim = struct.unpack(f"{order}8f", start[76:108])
    offset, slope, intercept = struct.unpack(f"{order}3f", start[108:120])
    if not _FIRST_VOXEL_AT_LEAST <= offset < 2**31:
        raise InputRejected(f"the header of {name} puts the voxels at byte {offset}: the file is damaged")
    scaled_slope, scaled_intercept = _scaling(name, slope, intercept)
    sform, qform = _sform(name, start, order, pixdim), _qform(start, order, pixdim)
    return ImageHeader(
        kind="NIfTI",
        name=name,
        sizes=tuple(lengths[:count]),
        components=_COLORS.get(datatype, 1),
        stored=np.dtype(order + _DTYPES.get(datatype, "u1")),
        spacing_mm=pixdim[1:4],
        text=start[:HEADER_BYTES] + bytes(4),  # no extensions
        data_file=path,
        data_offset=int(offset),
        file_is_gzip=file_is_gzip,
        slope=scaled_slope,
        intercept=scaled_intercept,
        warnings=_contradiction(sform, qform, lengths),
        affine_lps=sform,
    )


def _scaling(name: str, slope: float, intercept: float) -> tuple[float, float]:
    """A slope of 0 (or NaN, as some software writes) means unscaled; then an intercept makes no sense."""
    unscaled = slope == 0 or np.isnan(slope)
    meaningless = np.isinf(slope) or np.isinf(intercept) or (not unscaled and np.isnan(intercept))
    if meaningless or (unscaled and not (intercept == 0 or np.isnan(intercept))):
        raise InputRejected(
            f"the header of {name} has a contradictory intensity scaling (slope {slope:g}, intercept {intercept:g}): "
            "export the CT again with Hounsfield units"
        )
    return (1.0, 0.0) if unscaled else (slope, intercept)


def _sform(name: str, start: bytes, order: str, pixdim: tuple[float, ...]) -> NDArray[np.float64] | None:
    """The affine index -> LPS mm, if the header has one. Raises InputRejected when it contradicts the spacing."""
    if struct.unpack(f"{order}h", start[254:256])[0] <= 0:
        return None
    affine = np.array(struct.unpack(f"{order}12f", start[280:328]), np.float64).reshape(3, 4)
    lengths = np.linalg.norm(affine[:, :3], axis=0)
    if not np.allclose(lengths, np.abs(pixdim[1:4]), rtol=_SAME_SPACING):
        raise InputRejected(
            f"the header of {name} contradicts itself: spacing {_mm(pixdim[1:4])}, but its affine (sform) says "
            f"{_mm(tuple(lengths))}; export the volume again"
        )
    affine_lps: NDArray[np.float64] = affine * _RAS_TO_LPS
    return affine_lps


def _qform(start: bytes, order: str, pixdim: tuple[float, ...]) -> NDArray[np.float64] | None:
    """The rigid placement index -> LPS mm (3, 4), if the header has one: a rotation, written as a quaternion."""
    if struct.unpack(f"{order}h", start[252:254])[0] <= 0:
        return None
    b, c, d, *offset = struct.unpack(f"{order}6f", start[256:280])
    a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    steps = np.abs(pixdim[1:4]) * (1.0, 1.0, -1.0 if pixdim[0] < 0 else 1.0)
    affine_lps: NDArray[np.float64] = np.column_stack([rotation * steps, offset]) * _RAS_TO_LPS
    return affine_lps


def _contradiction(
    sform: NDArray[np.float64] | None, qform: NDArray[np.float64] | None, lengths: list[int]
) -> tuple[str, ...]:
    """A warning when the two placements of a header put a corner of the scan at different places (left at right, say).

    lengths: voxels along (x, y, z, ...).
    """
    if sform is None or qform is None or len(lengths) < 3:
        return ()
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(lengths[:3]) - 1)
    apart_mm = float(np.linalg.norm(corners @ (sform - qform)[:, :3].T + (sform - qform)[:, 3], axis=1).max())
    if not apart_mm > _SAME_PLACE_MM:
        return ()
    return (
        f"the header places the scan in two ways (qform, sform) that are up to {apart_mm:.0f} mm apart; the one that "
        "3D Slicer takes was used, check that left and right are where they should be",
    )


def _mm(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ") mm"
