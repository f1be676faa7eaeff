"""DICOM series with slices missing, cut short, mixed, moved, and with headers that lack or contradict something."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from dicom_slices import SHAPE, body_slices
from hostile_input import REFUSED, SAFE, SAME, TOLD, HostileInput, Make
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

Change = Callable[[list[Dataset]], None]
HEIGHTS = 3.0 * np.arange(SHAPE[0])


@cache
def clean_slices() -> tuple[bytes, ...]:
    """The files of a clean series."""
    return tuple(_as_file(dataset) for dataset in body_slices(AcquisitionNumber=1, FrameOfReferenceUID="1.2.3"))


def _as_file(dataset: Dataset) -> bytes:
    content = io.BytesIO()
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OW"  # told by elements that may be missing
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or generate_uid()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def of_files(files: Sequence[bytes]) -> Make:
    def make(folder: Path) -> Path:
        place = folder / "series"
        place.mkdir()
        for number, content in enumerate(files):
            (place / f"ct_{number:03}.dcm").write_bytes(content)
        return place

    return make


def of_changed(change: Change) -> Make:
    def make(folder: Path) -> Path:
        datasets = body_slices(AcquisitionNumber=1, FrameOfReferenceUID="1.2.3")
        change(datasets)
        return of_files([_as_file(dataset) for dataset in datasets])(folder)

    return make


def truncated_slices() -> Iterator[HostileInput]:
    files = clean_slices()
    whole, header = len(files[7]), files[7].index(b"\xe0\x7f\x10\x00")
    lengths = {int(whole * n / 100) for n in range(100)} | {int(header * n / 100) for n in range(100)}
    for length in sorted(lengths):
        changed = [*files[:7], files[7][:length], *files[8:]]
        yield HostileInput("slice cut short", f"at {length}", of_files(changed), REFUSED)


def flipped_slice_headers() -> Iterator[HostileInput]:
    """Bits in the header of one slice of twenty; what does not show in the volume does not matter."""
    files = clean_slices()
    header = files[7].index(b"\xe0\x7f\x10\x00")
    for bit in sorted(np.random.default_rng(3).choice(8 * header, 200, replace=False)):
        changed = bytearray(files[7])
        changed[bit // 8] ^= 1 << int(bit % 8)
        make = of_files([*files[:7], bytes(changed), *files[8:]])
        yield HostileInput("bit of a slice's header", f"bit {bit}", make, SAFE)


def missing_slices() -> Iterator[HostileInput]:
    files = clean_slices()
    for count in (1, 2, 3):
        for first in range(1, SHAPE[0] - count):
            kept = [*files[:first], *files[first + count :]]
            yield HostileInput("slices missing", f"{count} from {first}", of_files(kept), REFUSED)
    for one in range(1, 9):
        kept = [content for number, content in enumerate(files) if number not in (one, one + 9)]
        yield HostileInput("slices missing", f"{one} and {one + 9}", of_files(kept), REFUSED)


STRANGERS = {
    "PatientID": "X9",
    "PatientName": "Roe^Richard",
    "PatientBirthDate": "19500101",
    "StudyInstanceUID": "1.2.9",
    "FrameOfReferenceUID": "1.2.8",
}


def mixed_identities() -> Iterator[HostileInput]:
    for keyword, value in STRANGERS.items():
        for first in range(SHAPE[0]):
            change = setting(keyword, value, range(first, SHAPE[0], 20 if first else 2))
            yield HostileInput("two identities", f"{keyword} at {first}", of_changed(change), REFUSED)


def setting(keyword: str, value: object, numbers: Sequence[int]) -> Change:
    def change(datasets: list[Dataset]) -> None:
        for number in numbers:
            if value is None:
                if keyword in datasets[number]:
                    delattr(datasets[number], keyword)
            else:
                setattr(datasets[number], keyword, value)

    return change


TRAITS = {
    "AcquisitionNumber": 2,
    "TemporalPositionIdentifier": 2,
    "ConvolutionKernel": "B70f",
    "KVP": "80",
    "AcquisitionTime": "120030",
    "ImageType": ["DERIVED", "PRIMARY", "AXIAL"],
}


def mixed_acquisitions() -> Iterator[HostileInput]:
    rng = np.random.default_rng(4)
    patterns = {"in turns": range(0, 20, 2), "every third": range(1, 20, 3), "one": [7], "overlap": [3, 5, 6, 7, 8]}
    patterns |= {f"chance {n}": sorted(rng.choice(20, 8, replace=False).tolist()) for n in range(4)}
    for keyword, value in TRAITS.items():
        for pattern, numbers in patterns.items():

            def change(datasets: list[Dataset], keyword=keyword, value=value, numbers=numbers) -> None:
                usual = {"AcquisitionTime": "120000", "KVP": "120", "ConvolutionKernel": "B30f"}.get(keyword)
                setting(keyword, usual, range(20) if usual else ())(datasets)
                setting(keyword, value, list(numbers))(datasets)

            yield HostileInput("two acquisitions", f"{keyword} {pattern}", of_changed(change), REFUSED)


_NUMERIC = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept")
_NEEDED = (*_NUMERIC, "Rows", "Columns", "BitsAllocated", "PixelData", "SamplesPerPixel", "PhotometricInterpretation")
_LOOSE = (
    *("BitsStored", "HighBit", "PixelRepresentation", "Modality", "SeriesNumber", "SeriesDescription"),
    *("SliceThickness", "PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
    *("InstanceNumber", "ImageType", "AcquisitionNumber", "FrameOfReferenceUID", "StudyDate", "AccessionNumber"),
)


def lacking_elements() -> Iterator[HostileInput]:
    for keyword in (*_NEEDED, *_LOOSE):
        for numbers, where in ((range(20), "all"), ([0], "first"), ([9], "one"), ([19], "last")):
            change = setting(keyword, None, numbers)
            yield HostileInput("element missing", f"{keyword} in {where}", of_changed(change), SAFE)
    for keyword in _NUMERIC:
        for broken in (b"x", b"nan", b"inf", b"9e999", b"\xff"):
            changed = [_with_text(content, keyword, broken) for content in clean_slices()]
            yield HostileInput("number that does not parse", f"{keyword} {broken!r}", of_files(changed), REFUSED)
            few = [*clean_slices()[:5], changed[5], *clean_slices()[6:]]
            yield HostileInput("number that does not parse", f"{keyword} {broken!r} in one", of_files(few), REFUSED)


def _with_text(content: bytes, keyword: str, text: bytes) -> bytes:
    """A file whose element of numbers holds a text of another length instead of its first number."""
    tag = tag_for_keyword(keyword) or 0
    head = struct.pack("<2H", tag >> 16, tag & 0xFFFF) + b"DS"
    place = content.index(head) + len(head)
    length = struct.unpack_from("<H", content, place)[0]
    numbers = content[place + 2 : place + 2 + length].split(b"\\")
    value = b"\\".join([text, *numbers[1:]])
    value += b" " * (len(value) % 2)
    return content[:place] + struct.pack("<H", len(value)) + value + content[place + 2 + length :]


def moved_slices() -> Iterator[HostileInput]:
    for number in range(1, 19):
        for mm in (-1.0, 0.5, 1.4, 4.0):
            yield HostileInput(
                "slice moved along", f"{number} by {mm}", of_changed(moving(number, (0, 0, mm))), REFUSED
            )
    for number in range(20):
        for mm in (0.5, 3.0, 80.0):
            change = moving(number, (mm, 0, 0))
            yield HostileInput("slice moved sideways", f"{number} by {mm}", of_changed(change), REFUSED)
    for degrees in (0.2, 1, 5, 10, 15, 20, 25, 30, -10, -20):
        lean = HEIGHTS * np.tan(np.deg2rad(degrees))
        yield HostileInput("tilted", f"{degrees}", of_changed(leaning(lean)), TOLD)
    for degrees in (50, 60, 80):
        lean = HEIGHTS * np.tan(np.deg2rad(degrees))
        yield HostileInput("tilted", f"{degrees}", of_changed(leaning(lean)), REFUSED)


def moving(number: int, by_mm: tuple[float, float, float]) -> Change:
    def change(datasets: list[Dataset]) -> None:
        position = np.array(datasets[number].ImagePositionPatient, float) + by_mm
        datasets[number].ImagePositionPatient = position.tolist()

    return change


def leaning(sideways_mm: np.ndarray) -> Change:
    def change(datasets: list[Dataset]) -> None:
        for number, mm in enumerate(sideways_mm):
            moving(number, (0, float(mm), 0))(datasets)

    return change


def harmless_series() -> Iterator[HostileInput]:
    """What has to be read: refusing it would be an error too."""
    rng = np.random.default_rng(5)
    for number in range(10):
        files = [clean_slices()[i] for i in rng.permutation(20)]
        yield HostileInput("harmless", f"order {number}", of_files(files), SAME)
        files = [*clean_slices(), *(clean_slices()[i] for i in rng.choice(20, 3))]
        yield HostileInput("harmless", f"copies {number}", of_files(files), SAME)
        tail = [content + bytes(int(rng.integers(0, 3000))) for content in clean_slices()]
        yield HostileInput("harmless", f"zeros behind {number}", of_files(tail), SAME)
        bare = [content[132:] if rng.random() < 0.5 else content for content in clean_slices()]
        yield HostileInput("harmless", f"without preamble {number}", of_files(bare), SAME)
    for keyword in ("Modality", "SeriesNumber", "SeriesDescription", "StudyDate", "InstanceNumber", "AccessionNumber"):
        yield HostileInput("harmless", f"without {keyword}", of_changed(setting(keyword, None, range(20))), SAME)
