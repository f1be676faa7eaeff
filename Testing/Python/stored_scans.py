"""Small scans and the many ways in which a file can store them, rightly or wrongly."""

import struct
from itertools import permutations, product
from pathlib import Path

import numpy as np

from PDACScreeningLib.volume.geometry import Geometry

SHARED = Path(__file__).resolve().parents[3] / "shared"
REAL_CT = SHARED / "data" / "real_ct_totalsegmentator_Apache2"
ORIENTATIONS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]
OBLIQUE = (0.96, -0.28, 0.0, 0.28, 0.96, 0.0, 0.0, 0.0, 1.0)  # 16 degrees about the long axis


def body_hu(shape=(20, 24, 28)):
    """(z, y, x) int16: an elliptic cylinder of soft tissue in air, with noise, as slices of a scanner have it."""
    _, y, x = np.meshgrid(*(np.linspace(-1, 1, length) for length in shape), indexing="ij")
    texture = np.random.default_rng(0).integers(0, 60, shape)
    return np.where((x / 0.8) ** 2 + (y / 0.7) ** 2 < 1, 20 + texture, -1000 + texture // 4).astype(np.int16)


def body_geometry(shape=(20, 24, 28), spacing_mm=(3.0, 3.0, 3.0)):
    return Geometry(shape, spacing_mm, (-40.0, -30.0, 100.0))


def stored_as(array, geometry, orientation):
    """The same voxels at the same places, stored with other array axes (order) and directions (signs)."""
    order, signs = orientation
    stored = array.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]
    columns = [2 - axis for axis in order[::-1]]
    first = [0.0, 0.0, 0.0]
    for axis, sign in zip(order, signs, strict=True):
        first[axis] = 0.0 if sign > 0 else array.shape[axis] - 1.0
    return np.ascontiguousarray(stored), Geometry(
        stored.shape,
        tuple(geometry.spacing_mm[column] for column in columns),
        tuple(float(mm) for mm in geometry.index_to_world(tuple(first))),
        tuple((geometry.axes[:, columns] * signs[::-1]).ravel()),
    )


def nifti_bytes(voxels, *, spacing_mm=(3.0, 3.0, 3.0), datatype=None, order="<", header=()):
    """A NIfTI-1 file as bytes, laid out by hand, with an identity sform.

    voxels: (..., z, y, x). header: (offset, bytes) pairs that overwrite what a good header would say.
    """
    codes = {"i2": 4, "u2": 512, "i4": 8, "f4": 16, "f8": 64, "u1": 2}
    code = codes[voxels.dtype.str[1:]] if datatype is None else datatype
    lengths = (*voxels.shape[::-1], *(1,) * 7)[:7]
    start = bytearray(352)
    struct.pack_into(f"{order}i", start, 0, 348)
    struct.pack_into(f"{order}8h", start, 40, voxels.ndim, *lengths)
    struct.pack_into(f"{order}2h", start, 70, code, voxels.dtype.itemsize * 8)
    struct.pack_into(f"{order}8f", start, 76, 1.0, *spacing_mm, 1.0, 1.0, 1.0, 1.0)
    struct.pack_into(f"{order}3f", start, 108, 352.0, 1.0, 0.0)
    start[123] = 2  # millimeters
    struct.pack_into(f"{order}2h", start, 252, 0, 1)
    affine = np.hstack([np.diag(spacing_mm), np.zeros((3, 1))])
    struct.pack_into(f"{order}12f", start, 280, *affine.ravel())
    start[344:348] = b"n+1\0"
    for offset, content in header:
        start[offset : offset + len(content)] = content
    return bytes(start) + voxels.astype(voxels.dtype.newbyteorder(order)).tobytes()
