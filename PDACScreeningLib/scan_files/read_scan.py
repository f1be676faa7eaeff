"""One way in for every CT: a file, a folder of DICOM slices, or voxels that are there already."""

from __future__ import annotations

from pathlib import Path

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.scan_files.byte_stream import complete_or_rejected
from PDACScreeningLib.scan_files.image_io import ReadCT, checked_volume, read_ct_file
from PDACScreeningLib.scan_files.series_reader import read_series
from PDACScreeningLib.volume.ct_volume import CTVolume


def read_scan(
    scan: str | Path | CTVolume,
    *,
    series: str | None = None,
    include_identifiers: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> ReadCT:
    """Read and check a CT. What is returned has passed the gate; its warnings belong into every output.

    scan: NIfTI, NRRD or MetaImage file, a folder of DICOM slices, or a volume, which passes the same gate. series: for
    a folder, SeriesInstanceUID or SeriesNumber. Raises InputRejected or InputIndeterminate with one sentence, nothing
    else.
    """
    if isinstance(scan, CTVolume):
        return checked_volume(scan)
    path = Path(scan)
    with complete_or_rejected("the input"):
        is_folder = path.is_dir()
    if is_folder:
        return read_series(path, series=series, include_identifiers=include_identifiers, on_progress=on_progress)
    if series is not None:
        raise InputRejected("the input is no DICOM folder, so it has no series to choose: leave out --series")
    return read_ct_file(path, include_identifiers=include_identifiers)
