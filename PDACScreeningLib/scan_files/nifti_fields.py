"""The fields of a NIfTI-1 or NIfTI-2 header that decide how a scan is read, from 348 or 540 bytes of fixed layout."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from PDACScreeningLib.errors import InputRejected

NIFTI_1_BYTES, NIFTI_2_BYTES = 348, 540
_SINGLE, _PAIR = (b"n+1\0", b"n+2\0"), (b"ni1\0", b"ni2\0")
_LARGEST_CODE = 5  # of qform and sform
MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown, meter, millimeter, micron


@dataclass(frozen=True)
class NiftiFields:
    """As written, except that lengths are in millimeters."""

    version: int
    order: str  # "<" or ">"
    is_pair: bool  # the voxels lie in a file of their own
    dimensions: int
    lengths: tuple[int, ...]  # seven
    datatype: int
    handedness: float  # pixdim[0]: -1 turns the third axis of the qform
    spacing_mm: tuple[float, float, float]
    offset: float  # of the first voxel
    slope: float
    intercept: float
    qform_code: int
    sform_code: int
    quaternion: tuple[float, float, float]
    qform_origin_mm: tuple[float, float, float]
    sform: tuple[float, ...]  # twelve, row by row, mm
    unit_mm: float


def is_nifti(start: bytes) -> bool:
    """Whether the first bytes of a (decompressed) file are a NIfTI header of any version."""
    return start[344:348] in (_SINGLE[0], _PAIR[0]) or start[4:8] in (_SINGLE[1], _PAIR[1])


def is_analyze(start: bytes) -> bool:
    """Whether they are the header of Analyze 7.5, from which NIfTI came."""
    return start[:4] in (struct.pack("<i", NIFTI_1_BYTES), struct.pack(">i", NIFTI_1_BYTES)) and len(start) == 348


def nifti_fields(start: bytes, name: str) -> NiftiFields:
    """The fields. Raises InputRejected for a header that is cut off or has codes that do not exist."""
    second = start[4:8] in (_SINGLE[1], _PAIR[1])
    length = NIFTI_2_BYTES if second else NIFTI_1_BYTES
    if len(start) < length:
        raise InputRejected(f"the header of {name} is incomplete: copy or download it again")
    order = "<" if struct.unpack("<i", start[:4])[0] == length else ">"
    if struct.unpack(f"{order}i", start[:4])[0] != length:
        raise InputRejected(f"the header of {name} gives its own length wrongly: the file is damaged, export it again")
    fields = _version_2(start, order) if second else _version_1(start, order)
    if not (0 <= fields.qform_code <= _LARGEST_CODE and 0 <= fields.sform_code <= _LARGEST_CODE):
        raise InputRejected(
            f"the header of {name} has placement codes that do not exist (qform {fields.qform_code}, sform "
            f"{fields.sform_code}): the file is damaged, export it again"
        )
    return fields


def _version_1(start: bytes, order: str) -> NiftiFields:
    def at(layout: str, offset: int) -> tuple[float, ...]:
        return struct.unpack_from(order + layout, start, offset)

    return _fields(1, order, start[344:348], at("8h", 40), at("h", 70), at("8f", 76), at("3f", 108), start[123],
                   at("2h", 252), at("6f", 256), at("12f", 280))  # fmt: skip


def _version_2(start: bytes, order: str) -> NiftiFields:
    def at(layout: str, offset: int) -> tuple[float, ...]:
        return struct.unpack_from(order + layout, start, offset)

    scaling = (*at("q", 168), *at("2d", 176))
    return _fields(2, order, start[4:8], at("8q", 16), at("h", 12), at("8d", 104), scaling, int(at("i", 500)[0]),
                   at("2i", 344), at("6d", 352), at("12d", 400))  # fmt: skip


def _fields(
    version: int,
    order: str,
    magic: bytes,
    dim: tuple[float, ...],
    datatype: tuple[float, ...],
    pixdim: tuple[float, ...],
    scaling: tuple[float, ...],
    units: int,
    codes: tuple[float, ...],
    qform: tuple[float, ...],
    sform: tuple[float, ...],
) -> NiftiFields:
    unit_mm = MM_PER_UNIT.get(units & 7, float("nan"))
    return NiftiFields(
        version=version,
        order=order,
        is_pair=magic in _PAIR,
        dimensions=int(dim[0]),
        lengths=tuple(int(length) for length in dim[1:]),
        datatype=int(datatype[0]),
        handedness=pixdim[0],
        spacing_mm=(pixdim[1] * unit_mm, pixdim[2] * unit_mm, pixdim[3] * unit_mm),
        offset=scaling[0],
        slope=scaling[1],
        intercept=scaling[2],
        qform_code=int(codes[0]),
        sform_code=int(codes[1]),
        quaternion=(qform[0], qform[1], qform[2]),
        qform_origin_mm=(qform[3] * unit_mm, qform[4] * unit_mm, qform[5] * unit_mm),
        sform=tuple(value * unit_mm for value in sform),
        unit_mm=unit_mm,
    )
