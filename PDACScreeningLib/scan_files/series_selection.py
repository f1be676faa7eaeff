"""Which files of a folder are the CT series to screen."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.scan_files.input_check import MIN_SLICES
from PDACScreeningLib.scan_files.slice_header import ENHANCED_CT_IMAGE, SliceHeader, read_slice_header

MAX_FILES = 20_000  # a whole study has a few thousand; more is somebody's disk
_LISTED = 12
_DICOM_ENDINGS = (".dcm", ".dicom", ".ima")
_OFTEN_BESIDE = (
    *(".txt", ".csv", ".json", ".xml", ".html", ".htm", ".css", ".js", ".pdf", ".md", ".png", ".jpg", ".jpeg", ".ini"),
    *(".inf", ".exe", ".db", ".ico", ".gif", ".nii", ".gz", ".nrrd", ".mha", ".zip"),
)


@dataclass(frozen=True)
class SelectedSeries:
    """The slices of one CT series, in no order yet, and what was left out."""

    slices: tuple[SliceHeader, ...]
    warnings: tuple[str, ...]


def select_series(folder: Path, wanted: str | None, on_progress: OnProgress) -> SelectedSeries:
    """The one CT series of a folder (searched through its subfolders), or the `wanted` one (UID or number).

    Scout views and files that are no DICOM are left out. Raises InputRejected when there is no CT series, when there
    are several and none was asked for, or when a file is damaged.
    """
    headers, foreign = _read_headers(folder, on_progress)
    slices = [header for header in headers if header.is_ct]
    if not slices:
        raise InputRejected(_why_no_ct(headers))
    by_uid: dict[str, list[SliceHeader]] = defaultdict(list)
    for header in slices:
        by_uid[header.series_uid].append(header)
    series = list(by_uid.values())
    chosen = _only(series) if wanted is None else _asked_for(series, wanted)
    warnings = [f"{foreign} files in the folder are no DICOM files and were left out"] if foreign else []
    if wanted is None and len(series) > 1:
        warnings.append(f"{len(series) - 1} other CT series in the folder have too few slices and were left out")
    return SelectedSeries(tuple(chosen), tuple(warnings))


def _read_headers(folder: Path, on_progress: OnProgress) -> tuple[list[SliceHeader], int]:
    """Headers of all DICOM files, and the number of files that look as if they should be DICOM but are not."""
    paths = _files(folder)
    headers, foreign = [], 0
    for done, path in enumerate(paths):
        on_progress(Progress("reading DICOM headers", done, len(paths)))
        header = read_slice_header(path)
        if header is not None:
            headers.append(header)
        elif path.suffix.lower() in _DICOM_ENDINGS:
            raise InputRejected(
                "a file is no DICOM file in spite of its name: copy the series again", details=path.name
            )
        elif path.suffix.lower() not in _OFTEN_BESIDE:
            foreign += 1
    on_progress(Progress("reading DICOM headers", len(paths), len(paths)))
    return headers, foreign


def _files(folder: Path) -> list[Path]:
    """All regular files below a folder, each once, hidden ones left out, links to folders not followed."""
    found: dict[Path, Path] = {}
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if not name.startswith(".") and path.is_file():
                found.setdefault(path.resolve(), path)
        if len(found) > MAX_FILES:
            raise InputRejected(f"the folder holds more than {MAX_FILES} files: give the folder of one CT series")
    return list(found.values())


def _refuse(error: OSError) -> None:
    raise InputRejected(f"a folder of the series cannot be read ({error.strerror}): check its permissions") from error


def _why_no_ct(headers: list[SliceHeader]) -> str:
    if not headers:
        return "the folder holds no DICOM files: give the folder of a CT series, or a NIfTI, NRRD or MetaImage file"
    if any(header.sop_class == ENHANCED_CT_IMAGE for header in headers):
        return "the folder holds a multi-frame (enhanced) CT, which is not read here: export it as single slices"
    found = ", ".join(sorted({header.modality for header in headers} - {"CT"})) or "only scout views and derived pages"
    return f"the folder holds no CT slices (found: {found}): give the folder of an axial CT series"


def _only(series: list[list[SliceHeader]]) -> list[SliceHeader]:
    """The one series that is long enough to be a scan. Raises InputRejected when that leaves a choice."""
    long = [slices for slices in series if len(slices) >= MIN_SLICES]
    candidates = long or series
    if len(candidates) == 1:
        return candidates[0]
    raise InputRejected(
        f"the folder holds {len(candidates)} CT series: choose one with --series NUMBER or UID",
        details=_listing(candidates),
    )


def _asked_for(series: list[list[SliceHeader]], wanted: str) -> list[SliceHeader]:
    matching = [slices for slices in series if wanted in (slices[0].series_uid, slices[0].series_number)]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise InputRejected(
            "the folder does not hold the CT series asked for: choose another with --series",
            details=f"asked for {wanted}; there is {_listing(series)}",
        )
    raise InputRejected(
        f"{len(matching)} CT series have the number asked for: choose one with --series UID", details=_listing(matching)
    )


def _listing(series: list[list[SliceHeader]]) -> str:
    """E.g. "3: 120 slices, 'portal venous 2.0'; 4: ..."; the UID where the number would not tell them apart."""
    numbers = [slices[0].series_number for slices in series]
    entries = []
    for slices in sorted(series, key=len, reverse=True)[:_LISTED]:
        first = slices[0]
        unique = first.series_number and numbers.count(first.series_number) == 1
        name = f", '{first.description}'" if first.description else ""
        entries.append(f"{first.series_number if unique else first.series_uid}: {len(slices)} slices{name}")
    more = f"; and {len(series) - _LISTED} more" if len(series) > _LISTED else ""
    return "; ".join(entries) + more
