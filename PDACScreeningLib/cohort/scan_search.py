"""From files, folders and DICOM trees to the scans of a cohort, one series a study, the others listed with why."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PDACScreeningLib.cohort.series_rules import Series, choose_series
from PDACScreeningLib.errors import InputRejected, UsageError
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.scan_files.dicom_file import DIRECTORY, DamagedFile, read_slices
from PDACScreeningLib.scan_files.series_selection import by_series
from PDACScreeningLib.scan_files.slice_header import SliceHeader

VOLUME_ENDINGS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr", ".zip")
_RESULT_NAMES = ("labels.seg.nrrd", "tumor_probability.nrrd")
_LABEL_WORDS = ("label", "seg", "mask", "annotation")


@dataclass(frozen=True)
class FoundScan:
    """A scan to be planned. files: of a series, relative to `place`, where the folder holds others too; else empty."""

    place: Path
    series: str = ""
    files: tuple[str, ...] = ()


@dataclass
class Search:
    """What was found, and what was left out, as (place, what it is, why)."""

    scans: list[FoundScan] = field(default_factory=list)
    left_out: list[tuple[str, str, str]] = field(default_factory=list)


def search_scans(places: Sequence[Path], on_progress: OnProgress) -> Search:
    """The scans of files and folders, each once, in the order of their names inside each place.

    A file that is named is taken whatever its name; in folders, label maps are left out by their names, and every
    DICOM file is grouped by study and series, wherever below the folder it lies. Raises UsageError when a place is not
    there or cannot be read.
    """
    search = Search()
    for place in places:
        if not place.exists():
            raise UsageError(f"{place} does not exist; name scans, or folders that hold some")
        if place.is_file():
            _take_file(place.resolve(), search)
        else:
            _look_through(place.resolve(), search, on_progress)
    search.scans = list(dict.fromkeys(search.scans))
    return search


def _take_file(path: Path, search: Search) -> None:
    search.scans.append(FoundScan(path))


def _look_through(folder: Path, search: Search, on_progress: OnProgress) -> None:
    """Volume files as they are, DICOM files by study and series."""
    headers: list[SliceHeader] = []
    files = list(_files(folder))
    for done, path in enumerate(files):
        on_progress(Progress("looking for scans", done, len(files)))
        if _is_volume(path):
            _take_volume(path, search)
            continue
        try:
            slices = read_slices(path)
        except InputRejected as error:
            search.left_out.append((str(path), "file", error.sentence))
            continue
        if isinstance(slices, DamagedFile):
            search.left_out.append((str(path), "DICOM file", slices.sentence))
        elif slices is not None:
            headers += [header for header in slices if header.sop_class != DIRECTORY]
    on_progress(Progress("looking for scans", len(files), len(files)))
    _take_studies(headers, search, files)


def _files(folder: Path) -> Iterator[Path]:
    """Visible regular files below a folder, sorted, links to folders not followed."""
    for root, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root) / name for name in sorted(names) if not name.startswith("."))


def _refuse(error: OSError) -> None:
    raise UsageError(f"the folder {error.filename} cannot be read: {error.strerror}; check its permissions")


def _is_volume(path: Path) -> bool:
    return path.name.lower().endswith(VOLUME_ENDINGS)


def _take_volume(path: Path, search: Search) -> None:
    name = path.name.lower()
    if name in _RESULT_NAMES or any(word in name for word in _LABEL_WORDS):
        search.left_out.append((str(path), "file", "its name says that it is a label map; name the file to have it"))
    else:
        search.scans.append(FoundScan(path))


def _take_studies(headers: list[SliceHeader], search: Search, files: Sequence[Path]) -> None:
    """One series of each study; a study is what one patient's and one study's identity say."""
    by_folder: dict[Path, int] = defaultdict(int)
    for path in files:
        by_folder[path.parent] += 1
    series, warnings = by_series(headers)
    has_uids = not warnings  # else every slice has a UID of its own, which names no series
    studies: dict[tuple[int, int], list[Series]] = defaultdict(list)
    for slices in series:
        studies[slices[0].identity[:2]].append(slices)
    for study in sorted(studies.values(), key=lambda study: min(str(series[0].path) for series in study)):
        choice = choose_series(study)
        if choice.chosen is not None:
            search.scans.append(_found(choice.chosen, by_folder, has_uids=has_uids))
        search.left_out += [(str(_folder(series)), _words(series), why) for series, why in choice.left_out]


def _folder(series: Series) -> Path:
    """The innermost folder that holds all files of a series; of a multi-frame file, the file."""
    if series[0].is_multi_frame:
        return series[0].path
    return Path(os.path.commonpath([header.path.parent for header in series]))


def _found(series: Series, files_of_folder: dict[Path, int], *, has_uids: bool) -> FoundScan:
    """Where the folder holds nothing else, it is the scan; else the files of the series are listed."""
    folder, paths = _folder(series), sorted({header.path for header in series})
    uid = series[0].series.uid if has_uids else ""
    if folder.is_file():
        return FoundScan(folder, uid)
    below = sum(count for place, count in files_of_folder.items() if place == folder or folder in place.parents)
    files = () if below == len(paths) else tuple(str(path.relative_to(folder)) for path in paths)
    return FoundScan(folder, uid, files)


def _words(series: Series) -> str:
    """A series for the list of those left out: its number and how many slices; its description may tell a patient."""
    number = series[0].series.number
    return f"series {number}, {len(series)} slices" if number else f"{len(series)} slices"
