"""Files cut short, with flipped bits, and with headers that claim what cannot be."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nibabel
import numpy as np
from hostile_input import REFUSED, SAFE, SAME, HostileInput, Make
from stored_scans import body_hu, nifti_bytes

from PDACScreeningLib.scan_files.image_io import ReadCT

NRRD = (
    "NRRD0004\ntype: short\ndimension: 3\nspace: right-anterior-superior\nsizes: 28 24 20\n"
    "space directions: (3,0,0) (0,3,0) (0,0,3)\nkinds: domain domain domain\nendian: little\nencoding: {}\n"
    "space origin: (0,0,0)\n\n"
)
META = (
    "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = {}\n"
    "TransformMatrix = -1 0 0 0 -1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 3 3 3\nDimSize = 28 24 20\n"
    "ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
)
PERCENT = [*np.linspace(0, 0.99, 100)]
FROM_END = (1, 2, 4, 8)
_DIGITS = b"0123456789.-"


@cache
def clean_files() -> dict[str, bytes]:
    """One scan in every format, by the name of the file."""
    voxels = body_hu().astype("<i2").tobytes()
    nifti = nifti_bytes(body_hu())
    return {
        "ct.nii": nifti,
        "ct.nii.gz": gzip.compress(nifti, mtime=0),
        "raw.nrrd": NRRD.format("raw").encode() + voxels,
        "gzip.nrrd": NRRD.format("gzip").encode() + gzip.compress(voxels, mtime=0),
        "raw.mha": META.format("False").encode() + voxels,
        "zlib.mha": META.format("True").encode() + zlib.compress(voxels),
    }


def header_bytes(name: str) -> int:
    """Length of the header of a clean file, uncompressed."""
    if name.endswith(".nrrd"):
        return clean_files()[name].index(b"\n\n") + 2
    if name.endswith(".mha"):
        return clean_files()[name].index(b"LOCAL\n") + 6
    return 352


def written(name: str, content: bytes) -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def truncated_files() -> Iterator[HostileInput]:
    for name, content in clean_files().items():
        lengths = {int(share * len(content)) for share in PERCENT} | {len(content) - cut for cut in FROM_END}
        for length in sorted(lengths):
            yield HostileInput("file cut short", f"{name} at {length}", written(name, content[:length]), REFUSED)


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def flipped_voxels() -> Iterator[HostileInput]:
    """Bits of compressed voxels: every one is under a checksum, or means nothing."""
    rng = np.random.default_rng(1)
    for name, count in (("ct.nii.gz", 200), ("gzip.nrrd", 100), ("zlib.mha", 100)):
        content = clean_files()[name]
        first = 0 if name == "ct.nii.gz" else header_bytes(name)
        for bit in sorted(rng.choice(np.arange(8 * first, 8 * len(content)), count, replace=False)):
            make = written(name, flipped(content, int(bit)))
            yield HostileInput("bit of compressed voxels", f"{name} bit {bit}", make, REFUSED | SAME)


def flipped_headers() -> Iterator[HostileInput]:
    """Bits of headers. What is read without a word has to be what the header, as it is now, says."""
    rng = np.random.default_rng(2)
    for name in ("ct.nii", "ct.nii.gz", "raw.nrrd", "gzip.nrrd", "raw.mha", "zlib.mha"):
        content = clean_files()[name]
        whole = gzip.decompress(content) if name == "ct.nii.gz" else content
        for bit in sorted(rng.choice(8 * header_bytes(name), 100, replace=False)):
            changed = flipped(whole, int(bit))
            packed = gzip.compress(changed, mtime=0) if name == "ct.nii.gz" else changed
            agrees = _as_nibabel if "nii" in name else _another_number(whole, changed, int(bit) // 8)
            yield HostileInput("bit of a header", f"{name} bit {bit}", written(name, packed), SAFE, agrees)


def _as_nibabel(path: Path, read: ReadCT) -> bool:
    """Whether an independent reader sees the same voxels at the same places."""
    image = nibabel.load(path)
    values = np.clip(np.rint(np.asanyarray(image.dataobj).astype(float)), -1024, 32767)
    corner = np.array(image.shape[:3]) - 1
    place = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine @ (*corner, 1.0)
    ours = read.volume.geometry.index_to_world(tuple(float(i) for i in corner[::-1]))
    same = np.array_equal(values.reshape(image.shape[:3]).transpose(2, 1, 0), read.volume.hu)
    return same and bool(np.allclose(place[:3], ours, atol=0.1))


def _another_number(whole: bytes, changed: bytes, place: int):
    """A digit that became another digit cannot be noticed; a broken word can."""
    return lambda _path, _read: whole[place] in _DIGITS and changed[place] in _DIGITS


def impossible_headers() -> Iterator[HostileInput]:
    yield from _nifti_headers()
    yield from _text_headers()


def _nifti_headers() -> Iterator[HostileInput]:
    odd = (float("nan"), float("inf"), float("-inf"), 1e30, -1e30)
    fields = {"spacing x": 80, "spacing y": 84, "spacing z": 88, "qform b": 256, "qform c": 260, "qform d": 264}
    fields |= {"qform x": 268, "qform y": 272, "qform z": 276, "slope": 112, "intercept": 116, "first voxel": 108}
    fields |= {f"sform {n}": 280 + 4 * n for n in range(12)}
    for name, place in fields.items():
        for value in odd:
            header = [(252, struct.pack("<2h", 1, 1)), (place, struct.pack("<f", value))]
            content = nifti_bytes(body_hu(), header=header)
            unscaled = name in ("slope", "intercept") and np.isnan(value)
            expected = REFUSED | SAME if unscaled else REFUSED
            yield HostileInput("impossible header", f"NIfTI {name} {value}", written("ct.nii", content), expected)
    for name, place, layout, values in (
        ("dimensions", 40, "<h", (-1, 0, 1, 2, 8, 300)),
        ("length", 42, "<h", (-5, 0, 27, 29, 32000)),
        ("data type", 70, "<h", (-1, 0, 1, 5, 32, 128, 1536, 9999)),
        ("own length", 0, "<i", (-1, 0, 347, 540, 10**9)),
        ("sform code", 254, "<h", (-3, 9, 255)),
        ("qform code", 252, "<h", (-3, 9, 255)),
    ):
        for value in values:
            content = nifti_bytes(body_hu(), header=[(place, struct.pack(layout, value))])
            yield HostileInput("impossible header", f"NIfTI {name} {value}", written("ct.nii", content), REFUSED)


_NUMBERS = ("-1", "0", "2", "4", "99", "1000000", "1e400", "nan", "inf", "-inf", "x", "3,3,3", "3 3", "3 3 3 3", "")


def _text_headers() -> Iterator[HostileInput]:
    voxels = body_hu().astype("<i2").tobytes()
    meta, nrrd = META.format("False"), NRRD.format("raw")
    for key, old in (
        ("NDims", "3"),
        ("DimSize", "28 24 20"),
        ("ElementSpacing", "3 3 3"),
        ("Offset", "0 0 0"),
        ("TransformMatrix", "-1 0 0 0 -1 0 0 0 1"),
    ):
        for value in _NUMBERS:
            content = meta.replace(f"{key} = {old}\n", f"{key} = {value}\n").encode() + voxels
            yield HostileInput("impossible header", f"MetaImage {key} '{value}'", written("a.mha", content), REFUSED)
    for key, old in (
        ("dimension", "3"),
        ("sizes", "28 24 20"),
        ("space directions", "(3,0,0) (0,3,0) (0,0,3)"),
        ("space origin", "(0,0,0)"),
        ("space", "right-anterior-superior"),
        ("type", "short"),
        ("encoding", "raw"),
    ):
        for value in (*_NUMBERS, "(nan,0,0) (0,3,0) (0,0,3)", "(0,0,0) (0,3,0) (0,0,3)", "none none none"):
            content = nrrd.replace(f"\n{key}: {old}\n", f"\n{key}: {value}\n").encode() + voxels
            expected = SAFE if key == "space" and not value else REFUSED
            yield HostileInput("impossible header", f"NRRD {key} '{value}'", written("a.nrrd", content), expected)


_MAGIC = {
    "nothing": b"",
    "zeros": bytes(5000),
    "ones": b"\xff" * 5000,
    "text": b"just some notes\n" * 50,
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "JPEG": b"\xff\xd8\xff\xe0" + bytes(500),
    "PDF": b"%PDF-1.7" + bytes(500),
    "ZIP": b"PK\x03\x04" + bytes(500),
    "bzip2": b"BZh9" + bytes(500),
    "xz": b"\xfd7zXZ\0" + bytes(500),
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(500),
    "RAR": b"Rar!\x1a\x07" + bytes(500),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(500),
    "pickle": b"\x80\x04\x95" + bytes(500),
    "numpy": b"\x93NUMPY\x01\0" + bytes(500),
    "HTML": b"<!DOCTYPE html><html>login</html>",
    "JSON": b'{"a": 1}',
    "git pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "a DICOM file": bytes(128) + b"DICM" + bytes(500),
    "no preamble": b"\x02\0\0\0UL\x04\0" + bytes(500),
    "gzip of text": gzip.compress(b"notes", mtime=0),
    "gzip of gzip": gzip.compress(gzip.compress(b"notes", mtime=0), mtime=0),
    "ELF": b"\x7fELF" + bytes(500),
}


def foreign_files() -> Iterator[HostileInput]:
    for what, content in _MAGIC.items():
        for name in (
            "scan.nii.gz",
            "scan.nii",
            "scan.nrrd",
            "scan.mha",
            "scan.mhd",
            "scan.hdr",
            "scan.img",
            "scan.dcm",
        ):
            yield HostileInput("foreign file", f"{what} as {name}", written(name, content), REFUSED)
