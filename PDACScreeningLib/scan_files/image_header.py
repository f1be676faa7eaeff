"""What an image file claims about itself, before any of it is believed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.errors import InputRejected

MAX_VOXELS = 2**30  # 1024 slices of 1024 x 1024; more than any CT, and 2 GiB as int16
SMALLEST_SPACING_MM = 0.05
LARGEST_SPACING_MM = 30.0
FARTHEST_MM = 1e5  # of a position; scanners count in a few meters

ORIENTATION_UNKNOWN = (
    "the file does not tell how the scan lies in the patient (orientation unknown): left and right, front and back may "
    "be swapped"
)
POSITION_UNKNOWN = "the file does not tell where the scan lies (position unknown): positions count from its first voxel"

Encoding = Literal["raw", "gzip", "zlib", "bzip2"]


@dataclass(frozen=True, eq=False)
class ImageHeader:
    """The claims of a NIfTI, NRRD or MetaImage header that decide how its voxels are read."""

    kind: str  # "NIfTI", "NRRD", "MetaImage"
    name: str  # what sentences call the file; not its real name where a result file may repeat them
    sizes: tuple[int, ...]  # (x, y, z, ...), the fastest axis first
    components: int  # numbers per voxel; more than one is color or vector
    stored: np.dtype[Any]  # of one number, with its byte order
    spacing_mm: tuple[float, ...]  # as written, (x, y, z); shorter when the header tells less
    text: bytes  # a header that we wrote, for ITK to tell the geometry as 3D Slicer sees it
    data_file: Path  # holds the voxels
    data_offset: int  # of the first voxel in that file, decompressed if the whole of it is gzip
    data_is_beside: bool = False  # the voxels lie in a file of their own
    file_is_gzip: bool = False  # the whole file, header and voxels (NIfTI)
    encoding: Encoding = "raw"  # of the voxels inside the file
    slope: float = 1.0  # value = slope * stored + intercept
    intercept: float = 0.0
    warnings: tuple[str, ...] = ()  # what the header leaves in doubt
    affine_lps: NDArray[np.float64] | None = None  # (3, 4) index (x, y, z) -> mm, where written out
    components_first: bool = True  # the numbers of one voxel lie beside each other
    remarks: Mapping[str, str] = field(default_factory=dict)  # of NRRD: what a program wrote of its own, `key:=value`

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (z, y, x)."""
        x, y, z = self.sizes[:3]
        return (z, y, x)

    @property
    def data_name(self) -> str:
        """What sentences call the file of the voxels."""
        return f"the data file of {self.name}" if self.data_is_beside else self.name

    @property
    def data_bytes(self) -> int:
        """Length of the voxels, uncompressed."""
        return math.prod(self.sizes) * self.components * self.stored.itemsize


def check_claims(header: ImageHeader, *, most_layers: int = 1) -> None:
    """Refuse what cannot be one volume, before a byte of memory is spent on it. Raises InputRejected.

    most_layers: numbers of one voxel, more than one in a segmentation whose segments overlap.
    """
    name, sizes = header.name, header.sizes
    if header.components != 1 and not (1 < header.components <= most_layers and header.components_first):
        raise InputRejected(
            f"{name} holds {header.components} numbers per voxel (a color or vector image), not one CT value: "
            "give the original CT volume"
        )
    if len(sizes) < 3:
        raise InputRejected(f"{name} is a single {len(sizes)}D picture, not a CT volume: give the whole series")
    if any(size < 1 for size in sizes):
        raise InputRejected(f"the header of {name} claims an impossible size {_by(sizes)}: export the volume again")
    frames = math.prod(sizes[3:])
    if frames > 1:
        raise InputRejected(
            f"{name} holds {frames} volumes ({_by(sizes)}), for example several phases: give one of them as a 3D file"
        )
    if math.prod(sizes) * header.components > MAX_VOXELS:
        raise InputRejected(
            f"the header of {name} claims {_by(sizes)} voxels, more than any CT has: the file is damaged, export it "
            "again"
        )
    _check_spacing(header)


def _check_spacing(header: ImageHeader) -> None:
    if len(header.spacing_mm) < 3:  # ITK would take 1 mm, and every size would be wrong
        raise InputRejected(f"the header of {header.name} does not tell the voxel spacing: export the volume again")
    for mm in header.spacing_mm[:3]:
        if not math.isfinite(mm) or not SMALLEST_SPACING_MM <= mm <= LARGEST_SPACING_MM:
            spacing = ", ".join(f"{value:g}" for value in header.spacing_mm[:3])
            raise InputRejected(
                f"the header of {header.name} gives a voxel spacing of ({spacing}) mm, which no CT has: "
                "export the volume again from the original images"
            )


def _by(sizes: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in sizes)
