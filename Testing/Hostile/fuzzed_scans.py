"""Small good files of every format of scans, and random damage to them."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nibabel
import numpy as np
from dicom_slices import body_slices
from hostile_records import Reader
from multi_frame_ct import multi_frame_dataset
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage
from spoiled_files import META, NRRD
from stored_scans import body_hu, nifti_bytes

from PDACScreeningLib.errors import InputIndeterminate, InputRejected
from PDACScreeningLib.scan_files.image_io import read_label_map
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.scan_files.segmentation_file import read_segmentation

SHAPE = (8, 8, 8)
ERRORS = (InputRejected, InputIndeterminate)
_HU = body_hu(SHAPE)
_POSITIONS = [(0.0, 0.0, 6.0 * z) for z in range(8)]
_HEADER_BYTES = 1200
_LAYERS = (
    "NRRD0004\ntype: unsigned char\ndimension: 4\nspace: left-posterior-superior\nsizes: 2 8 8 8\n"
    "space directions: none (6,0,0) (0,6,0) (0,0,6)\nkinds: list domain domain domain\nencoding: raw\n"
    "space origin: (0,0,0)\nSegment0_ID:=Pancreas\nSegment0_Name:=Pancreas\nSegment0_Layer:=0\n"
    "Segment0_LabelValue:=1\nSegment1_Name:=Tumor\nSegment1_Layer:=1\nSegment1_LabelValue:=1\n\n"
)
_INTERESTING = (
    *(b"\0", b"\xff", b"-1", b"nan", b"1e999", b"\n", b" ", b"\\", b"(", b"%s"),
    *(b"\x7f\xff\xff\xff", b"\0" * 8),
)


@dataclass(frozen=True)
class FuzzedScan:
    """A file that is damaged before it is packed, what lies beside it, and who reads it."""

    whole: bytes
    pack: Callable[[bytes], bytes] = bytes
    beside: dict[str, bytes] = field(default_factory=dict)
    read: Callable[[Path], object] = read_scan
    reads_folder: bool = False


def scan_readers(folder: Path) -> dict[str, Reader]:
    """A reader for every kind; its key is the name of the file. folder: a place for what lies beside files."""
    found = {}
    for name, scan in fuzzed_scans().items():
        place = folder / name
        place.mkdir()
        for other, content in scan.beside.items():
            (place / other).write_bytes(content)
        read = _in_folder(place, name, scan)
        found[name] = Reader(scan.pack(scan.whole), read, ERRORS, damage=_damage(scan))
    return found


def _in_folder(place: Path, name: str, scan: FuzzedScan) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        path.replace(place / name)
        return scan.read(place if scan.reads_folder else place / name)

    return read


def _damage(scan: FuzzedScan) -> Callable[[random.Random], bytes]:
    """Damage before packing, so that it gets past checksums; every fourth time to the packed bytes."""

    def damage(draw: random.Random) -> bytes:
        if scan.pack is bytes or draw.random() < 0.75:
            return scan.pack(damaged(scan.whole, draw))
        return damaged(scan.pack(scan.whole), draw)

    return damage


def damaged(content: bytes, draw: random.Random) -> bytes:
    """One to eight random edits, mostly few, most of them in the header."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 4, 8))):
        if not changed:
            break
        end = min(len(changed), _HEADER_BYTES) if draw.random() < 0.8 else len(changed)
        place = draw.randrange(end)
        kind = draw.randrange(6)
        if kind == 0:
            changed[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            changed[place] = draw.randrange(256)
        elif kind == 2:
            word = draw.choice(_INTERESTING)
            changed[place : place + len(word)] = word
        elif kind == 3:
            del changed[place : place + draw.randint(1, 16)]
        elif kind == 4:
            changed[place:place] = draw.randbytes(draw.randint(1, 16))
        else:
            source = draw.randrange(end)
            changed[place : place + 16] = changed[source : source + 16]
    return bytes(changed)


def fuzzed_scans() -> dict[str, FuzzedScan]:
    """All kinds, by the name of the file."""
    return {**_image_files(), **_dicom_files()}


def _image_files() -> dict[str, FuzzedScan]:
    voxels = _HU.astype("<i2").tobytes()
    nifti = nifti_bytes(_HU, spacing_mm=(6.0,) * 3)
    labels = nifti_bytes((_HU > 0).astype(np.uint8), spacing_mm=(6.0,) * 3)
    pair = nifti[:108] + bytes(4) + nifti[112:344] + b"ni1\0" + nifti[348:352]
    nrrd, meta = (_small(text) for text in (NRRD, META))
    return {
        "ct.nii": FuzzedScan(nifti),
        "ct2.nii": FuzzedScan(nibabel.Nifti2Image(_HU.T, np.diag([6.0, 6.0, 6.0, 1.0])).to_bytes()),
        "ct.nii.gz": FuzzedScan(nifti, pack=lambda content: gzip.compress(content, 1, mtime=0)),
        "pair.hdr": FuzzedScan(pair, beside={"pair.img": voxels}),
        "ct.nrrd": FuzzedScan(nrrd.format("raw").encode() + voxels),
        "gzip.nrrd": FuzzedScan(nrrd.format("gzip").encode() + gzip.compress(voxels, mtime=0)),
        "detached.nhdr": FuzzedScan(
            nrrd.format("raw").strip().encode() + b"\ndata file: d.raw\n", beside={"d.raw": voxels}
        ),
        "ct.mha": FuzzedScan(meta.format("False").encode() + voxels),
        "zlib.mha": FuzzedScan(meta.format("True").encode() + zlib.compress(voxels)),
        "ct.mhd": FuzzedScan(meta.format("False").replace("LOCAL", "ct.raw").encode(), beside={"ct.raw": voxels}),
        "labels.nii": FuzzedScan(labels, read=read_label_map),
        "numbers.nii": FuzzedScan(labels, read=read_segmentation),
        "layers.seg.nrrd": FuzzedScan(
            _LAYERS.encode() + np.repeat((_HU > 0).astype(np.uint8), 2).tobytes(), read=read_segmentation
        ),
    }


def _small(text: str) -> str:
    text = text.replace("28 24 20", "8 8 8").replace("3 3 3", "6 6 6")
    return text.replace("(3,0,0) (0,3,0) (0,0,3)", "(6,0,0) (0,6,0) (0,0,6)")


def _dicom_files() -> dict[str, FuzzedScan]:
    datasets = body_slices(hu=_HU, positions_mm=_POSITIONS, PixelSpacing=[6.0, 6.0])
    slices = [_as_file(dataset) for dataset in datasets]
    others = {f"other_{number}.dcm": content for number, content in enumerate(slices) if number != 3}
    packed = multi_frame_dataset(_HU, _POSITIONS, pixel_spacing_mm=6.0)
    packed.compress("1.2.840.10008.1.2.5")
    return {
        "frames.dcm": FuzzedScan(_as_file(multi_frame_dataset(_HU, _POSITIONS, pixel_spacing_mm=6.0))),
        "packed.dcm": FuzzedScan(_as_file(packed)),
        "ct_003.dcm": FuzzedScan(slices[3], beside=others, reads_folder=True),
        "DICOMDIR": FuzzedScan(_directory(), beside={**others, "3.dcm": slices[3]}),
        "slices.zip": FuzzedScan(slices[3], pack=lambda content: _archive({**others, "3.dcm": content})),
    }


def _directory() -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    return _as_file(dataset)


def _as_file(dataset: Dataset) -> bytes:
    content = io.BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def _archive(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return archive.getvalue()
