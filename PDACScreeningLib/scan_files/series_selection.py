"""Which slices of a folder are the CT series to screen."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.scan_files.dicom_file import DIRECTORY, DamagedFile, read_slices
from PDACScreeningLib.scan_files.input_check import MIN_SLICES
from PDACScreeningLib.scan_files.series_words import listing
from PDACScreeningLib.scan_files.slice_header import SliceHeader

MAX_FILES = 20_000  # a whole study has a few thousand; more is somebody's disk
_DICOM_ENDINGS = (".dcm", ".dicom", ".ima")
_OFTEN_BESIDE = (
    *(".txt", ".csv", ".json", ".xml", ".html", ".htm", ".css", ".js", ".pdf", ".md", ".png", ".jpg", ".jpeg", ".ini"),
    *(".inf", ".exe", ".db", ".ico", ".gif", ".nii", ".gz", ".nrrd", ".mha"),
)


@dataclass(frozen=True)
class SelectedSeries:
    """The slices of one CT series, in no order yet, and what was left out."""

    slices: tuple[SliceHeader, ...]
    warnings: tuple[str, ...]


@dataclass
class _Found:
    """What a folder holds."""

    headers: list[SliceHeader] = field(default_factory=list)
    damaged: list[DamagedFile] = field(default_factory=list)
    foreign: int = 0  # files that look as if they should be DICOM but are not
    archives: int = 0  # ZIP archives, which are read when they are given themselves


def select_series(place: Path, wanted: str | None, on_progress: OnProgress) -> SelectedSeries:
    """The one CT series of a folder (searched through its subfolders) or of a multi-frame file, or the `wanted` one.

    wanted: SeriesInstanceUID, SeriesNumber, or words of the description. Scout views and files that are no DICOM are
    left out, and so are damaged files that say that they belong to another series. Raises InputRejected when there is
    no CT series, when there are several and none was asked for, when a file of the series is damaged, or when it is of
    two patients.
    """
    found = _look_through(place, on_progress)
    slices = [header for header in found.headers if header.is_ct]
    if not slices:
        _refuse_damaged(found.damaged)
        raise InputRejected(_why_no_ct(found))
    series, warnings = by_series(slices)
    chosen = _only(series, found.damaged) if wanted is None else _asked_for(series, wanted)
    others = [file for file in found.damaged if file.series_uid and file.series_uid != chosen[0].series.uid]
    _refuse_damaged([file for file in found.damaged if file not in others])
    _refuse_mixed_identities(chosen)
    if others:
        warnings.append(f"{len(others)} damaged files of other series were left out")
    if found.foreign:
        warnings.append(f"{found.foreign} files in the folder are no DICOM files and were left out")
    if wanted is None and len(series) > 1:
        warnings.append(f"{len(series) - 1} other CT series in the folder have too few slices and were left out")
    return SelectedSeries(tuple(chosen), tuple(warnings))


def _look_through(place: Path, on_progress: OnProgress) -> _Found:
    """Headers of all DICOM files of a folder, or of one file."""
    paths = _files(place) if place.is_dir() else [place]
    found = _Found()
    for done, path in enumerate(paths):
        on_progress(Progress("reading DICOM headers", done, len(paths)))
        slices = read_slices(path)
        if isinstance(slices, DamagedFile):
            found.damaged.append(slices)
        elif slices is not None:
            found.headers += [header for header in slices if header.sop_class != DIRECTORY]
        elif path.suffix.lower() in _DICOM_ENDINGS:
            found.damaged.append(
                DamagedFile(path, "a file is no DICOM file in spite of its name: copy the series again")
            )
        elif path.suffix.lower() == ".zip":
            found.archives += 1
        elif path.suffix.lower() not in _OFTEN_BESIDE:
            found.foreign += 1
    on_progress(Progress("reading DICOM headers", len(paths), len(paths)))
    return found


def _files(folder: Path) -> list[Path]:
    """All regular files below a folder, each once, hidden ones left out. A link to a folder is followed once."""
    found: dict[tuple[int, int], Path] = {}
    for count, entry in enumerate(_entries(folder, set()), start=1):
        if count > MAX_FILES:
            raise InputRejected(f"the folder holds more than {MAX_FILES} files: give the folder of one CT series")
        facts = entry.stat()
        found.setdefault((facts.st_dev, facts.st_ino), Path(entry.path))
    return sorted(found.values())


def _entries(folder: Path, seen: set[tuple[int, int]]) -> Iterator[os.DirEntry[str]]:
    """Visible files, folder by folder; nothing is sorted or looked into before it is known how many there are."""
    try:
        facts = folder.stat()
        if (facts.st_dev, facts.st_ino) in seen:
            return
        seen.add((facts.st_dev, facts.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    yield from _entries(Path(entry.path), seen)
                elif entry.is_file():
                    yield entry
    except OSError as error:
        raise InputRejected(
            f"a folder of the series cannot be read ({error.strerror}): check its permissions"
        ) from error


def by_series(slices: list[SliceHeader]) -> tuple[list[list[SliceHeader]], list[str]]:
    """Slices by SeriesInstanceUID. Where an anonymizer gave every slice a UID of its own, by number and identity."""
    by_uid: dict[str, list[SliceHeader]] = defaultdict(list)
    for header in slices:
        by_uid[header.series.uid].append(header)
    series = list(by_uid.values())
    if len(series) < MIN_SLICES or any(len(own) > 1 for own in series):
        return series, []
    by_number: dict[object, list[SliceHeader]] = defaultdict(list)
    for header in slices:
        words = header.series
        by_number[words.number, words.description, header.identity, header.rows, header.columns].append(header)
    merged = [
        [replace(header, series=replace(header.series, uid=own[0].series.uid)) for header in own]
        for own in by_number.values()
    ]
    return merged, ["every slice has a series UID of its own; slices of one series number were taken as one series"]


def _refuse_damaged(damaged: list[DamagedFile]) -> None:
    if damaged:
        raise InputRejected(damaged[0].sentence, details=damaged[0].path.name)


def _refuse_mixed_identities(slices: list[SliceHeader]) -> None:
    """One series is one patient, one study and one frame of reference, or it is no scan."""
    for which, what in enumerate(("patients", "studies", "frames of reference")):
        if len({header.identity[which] for header in slices}) > 1:
            odd = next(header for header in slices if header.identity[which] != slices[0].identity[which])
            raise InputRejected(
                f"the slices of the series are of different {what}: give a folder with one of them",
                details=f"{slices[0].path.name} and {odd.path.name}",
            )


def _why_no_ct(looked: _Found) -> str:
    headers = looked.headers
    if not headers and looked.archives:
        return "the folder holds no DICOM files, but a ZIP archive: give the archive itself, or unpack it"
    if not headers:
        return "the folder holds no DICOM files: give the folder of a CT series, or a NIfTI, NRRD or MetaImage file"
    found = ", ".join(sorted({header.modality for header in headers} - {"CT", ""}))
    found = found or "only scout views, pictures of the screen or other derived objects"
    return f"the input holds no CT slices (found: {found}): give an axial CT series"


def _only(series: list[list[SliceHeader]], damaged: list[DamagedFile]) -> list[SliceHeader]:
    """The one series that is long enough to be a scan. Raises InputRejected when that leaves a choice."""
    long = [slices for slices in series if len(slices) >= MIN_SLICES]
    candidates = long or series
    if len(candidates) == 1:
        return candidates[0]
    raise InputRejected(
        f"the folder holds {len(candidates)} CT series: choose one with --series NUMBER, UID or words of its text",
        details=listing(candidates),
    )


def _asked_for(series: list[list[SliceHeader]], wanted: str) -> list[SliceHeader]:
    """The series with this UID or number; else the one whose description has all the words. Raises InputRejected."""
    matching = [slices for slices in series if wanted in (slices[0].series.uid, slices[0].series.number)]
    what = "have the number asked for"
    if not matching:
        matching = [slices for slices in series if _has_words(slices[0].series.description, wanted)]
        what = "have the words asked for in their description"
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise InputRejected(
            "the folder does not hold the CT series asked for: choose another with --series",
            details=f"asked for {wanted}; there is {listing(series)}",
        )
    raise InputRejected(
        f"{len(matching)} CT series {what}: choose one with --series NUMBER or UID", details=listing(matching)
    )


def _has_words(description: str, wanted: str) -> bool:
    words = wanted.lower().split()
    return bool(words) and all(word in description.lower() for word in words)
