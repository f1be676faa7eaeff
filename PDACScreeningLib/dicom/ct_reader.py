"""One way in for every CT: a file, or a folder of DICOM slices."""

from __future__ import annotations

from pathlib import Path

from PDACScreeningLib.dicom.series_reader import read_series
from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.volume.byte_stream import complete_or_rejected
from PDACScreeningLib.volume.image_io import ReadCT, read_ct


def read_any_ct(
    path: Path,
    *,
    series: str | None = None,
    include_identifiers: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> ReadCT:
    """Read and check a CT. What is returned has passed the gate; its warnings belong into every output.

    path: NIfTI, NRRD or MetaImage file, or a folder of DICOM slices. series: for a folder, SeriesInstanceUID or
    SeriesNumber. Raises InputRejected or InputIndeterminate with one sentence, nothing else.
    """
    with complete_or_rejected("the input"):
        is_folder = path.is_dir()
    if is_folder:
        return read_series(path, series=series, include_identifiers=include_identifiers, on_progress=on_progress)
    if series is not None:
        raise InputRejected("the input is no DICOM folder, so it has no series to choose: leave out --series")
    return read_ct(path, include_identifiers=include_identifiers)
