"""Random damage to files of every format, through every reader of scans: only our own errors may come out.

`make fuzz RUNS=1000000` runs it. A foreign exception, a run that takes too long, and what reached the terminal are
faults; the input is kept in Testing/Hostile/found/, and Testing/Python/test_hostile.py tries it again for good.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from dicom_slices import body_slices
from hostile_input import LONGEST_S
from multi_frame_ct import multi_frame_dataset
from spoiled_files import META, NRRD
from stored_scans import body_hu, nifti_bytes

from PDACScreeningLib.errors import InputIndeterminate, InputRejected
from PDACScreeningLib.scan_files.image_io import read_label_map
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.scan_files.segmentation_file import read_segmentation

FOUND = Path(__file__).parent / "found"
SHAPE = (8, 8, 8)
_INTERESTING = (
    b"\0",
    b"\xff",
    b"-1",
    b"nan",
    b"1e999",
    b"\n",
    b" ",
    b"\\",
    b"(",
    b"%s",
    b"\x7f\xff\xff\xff",
    b"\0" * 8,
)

Read = Callable[[Path], object]


def seeds() -> dict[str, tuple[bytes, Read]]:
    """A small good file of every kind, and who reads it. The name is the file's."""
    hu = body_hu(SHAPE)
    voxels = hu.astype("<i2").tobytes()
    files: dict[str, tuple[bytes, Read]] = {"ct.nii": (nifti_bytes(hu, spacing_mm=(6.0,) * 3), read_scan)}
    for name, text in (("ct.nrrd", NRRD.format("raw")), ("ct.mha", META.format("False"))):
        small = text.replace("28 24 20", "8 8 8").replace("3 3 3", "6 6 6")
        small = small.replace("(3,0,0) (0,3,0) (0,0,3)", "(6,0,0) (0,6,0) (0,0,6)")
        files[name] = (small.encode() + voxels, read_scan)
    labels = (hu > 0).astype(np.uint8)
    files["labels.nii"] = (nifti_bytes(labels, spacing_mm=(6.0,) * 3), read_label_map)
    files["layers.seg.nrrd"] = (_layers(labels), read_segmentation)
    files["numbers.nii"] = (nifti_bytes(labels, spacing_mm=(6.0,) * 3), read_segmentation)
    positions = [(0.0, 0.0, 6.0 * z) for z in range(8)]
    files["frames.dcm"] = (_as_file(multi_frame_dataset(hu, positions, pixel_spacing_mm=6.0)), read_scan)
    packed = multi_frame_dataset(hu, positions, pixel_spacing_mm=6.0)
    packed.compress("1.2.840.10008.1.2.5")
    files["packed.dcm"] = (_as_file(packed), read_scan)
    slices = [_as_file(dataset) for dataset in body_slices(hu=hu, positions_mm=positions, PixelSpacing=[6.0, 6.0])]
    files["ct_003.dcm"] = (slices[3], _among([*slices[:3], *slices[4:]]))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for number, content in enumerate(slices):
            file.writestr(f"{number}.dcm", content)
    files["slices.zip"] = (archive.getvalue(), read_scan)
    return files


def _layers(labels: np.ndarray) -> bytes:
    """A segmentation of 3D Slicer with two layers."""
    header = (
        "NRRD0004\ntype: unsigned char\ndimension: 4\nspace: left-posterior-superior\nsizes: 2 8 8 8\n"
        "space directions: none (6,0,0) (0,6,0) (0,0,6)\nkinds: list domain domain domain\nencoding: raw\n"
        "space origin: (0,0,0)\nSegment0_ID:=Pancreas\nSegment0_Name:=Pancreas\nSegment0_Layer:=0\n"
        "Segment0_LabelValue:=1\nSegment1_Name:=Tumor\nSegment1_Layer:=1\nSegment1_LabelValue:=1\n\n"
    )
    return header.encode() + np.stack([labels, labels], axis=-1).tobytes()


def _as_file(dataset: object) -> bytes:
    content = io.BytesIO()
    dataset.save_as(content, enforce_file_format=True)  # type: ignore[attr-defined]
    return content.getvalue()


def _among(others: list[bytes]) -> Read:
    """Reads a slice together with the rest of its series, which lies beside it."""

    def read(path: Path) -> object:
        for number, content in enumerate(others):
            beside = path.parent / f"other_{number}.dcm"
            if not beside.exists():
                beside.write_bytes(content)
        return read_scan(path.parent)

    return read


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """One to eight random edits, most of them in the header."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        if not changed:
            break
        end = min(len(changed), 1200) if rng.random() < 0.8 else len(changed)
        place = int(rng.integers(end))
        kind = int(rng.integers(6))
        if kind == 0:
            changed[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            changed[place] = int(rng.integers(256))
        elif kind == 2:
            word = _INTERESTING[int(rng.integers(len(_INTERESTING)))]
            changed[place : place + len(word)] = word
        elif kind == 3:
            del changed[place : place + int(rng.integers(1, 17))]
        elif kind == 4:
            changed[place:place] = rng.bytes(int(rng.integers(1, 17)))
        else:
            source = int(rng.integers(end))
            changed[place : place + 16] = changed[source : source + 16]
    return bytes(changed)


def try_bytes(name: str, content: bytes, read: Read, folder: Path) -> str:
    """ "read", "refused", or the foreign exception and where it came from."""
    path = folder / name
    path.write_bytes(content)
    started = time.monotonic()
    try:
        read(path)
    except (InputRejected, InputIndeterminate):
        outcome = "refused"
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
    else:
        outcome = "read"
    return f"longer than {LONGEST_S} s" if time.monotonic() - started > LONGEST_S else outcome


def main() -> int:
    """Run, keep what was found, print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, counts = np.random.default_rng(options.seed), Counter[str]()
    files = seeds()
    names = list(files)
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            (Path(place) / name).mkdir()
        for number in range(options.runs):
            name = names[number % len(names)]
            content, read = files[name]
            spoiled = damaged(content, rng)
            outcome = try_bytes(name, spoiled, read, Path(place) / name)
            counts[outcome] += 1
            if outcome not in ("read", "refused") and counts[outcome] == 1:
                FOUND.mkdir(exist_ok=True)
                (FOUND / f"{hashlib.sha256(spoiled).hexdigest()[:12]}-{name}").write_bytes(spoiled)
    sys.stdout.write("".join(f"{count:9} {outcome}\n" for outcome, count in counts.most_common()))
    return 1 if set(counts) - {"read", "refused"} else 0


if __name__ == "__main__":
    sys.exit(main())
