"""One way in for every CT: a file, a folder of DICOM slices, or voxels that are there already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.scan_files.byte_stream import complete_or_rejected
from PDACScreeningLib.scan_files.dicom_file import DIRECTORY, DamagedFile, read_slices
from PDACScreeningLib.scan_files.image_io import ReadCT, checked_volume, read_ct_file
from PDACScreeningLib.scan_files.series_reader import read_series
from PDACScreeningLib.scan_files.zip_archive import is_zip, unpacked
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry


def read_scan(
    scan: str | Path | CTVolume,
    *,
    series: str | None = None,
    acquisition: str | None = None,
    include_identifiers: bool = False,
    on_grid: Callable[[Geometry], None] | None = None,
    on_progress: OnProgress = ignore_progress,
) -> ReadCT:
    """Read and check a CT. What is returned has passed the gate; its warnings belong into every output.

    scan: a NIfTI, NRRD or MetaImage file; DICOM as a folder of slices, a multi-frame file, a DICOMDIR or a ZIP of
    them; or a volume, which passes the same gate. series: of DICOM, SeriesInstanceUID, SeriesNumber or words of its
    description; acquisition: of a series that holds several. on_grid: is told the grid before voxels are read.
    Raises InputRejected or InputIndeterminate with one sentence, nothing else.
    """
    if isinstance(scan, CTVolume):
        if on_grid is not None:
            on_grid(scan.geometry)
        return checked_volume(scan)
    path = Path(scan)
    with complete_or_rejected("the input"):
        is_archive = path.is_file() and is_zip(path)
        place = path if path.is_dir() else _place_of_slices(path)

    def read_dicom(place: Path, named: Path | None = None) -> ReadCT:
        return read_series(
            place,
            named=named,
            series=series,
            acquisition=acquisition,
            include_identifiers=include_identifiers,
            on_grid=on_grid,
            on_progress=on_progress,
        )

    if is_archive:
        with unpacked(path) as folder:
            return read_dicom(folder, named=path)
    if place is not None:
        return read_dicom(place)
    if series is not None or acquisition is not None:
        option = "--series" if series is not None else "--acquisition"
        raise InputRejected(f"the input is no DICOM, so there is nothing to choose: leave out {option}")
    return read_ct_file(path, include_identifiers=include_identifiers, on_grid=on_grid)


def _place_of_slices(path: Path) -> Path | None:
    """Where the slices of a DICOM file are: in itself, or in its folder for a DICOMDIR. None for another file."""
    slices = read_slices(path) if path.is_file() else None
    if slices is None or isinstance(slices, DamagedFile) or not slices:
        return path if isinstance(slices, DamagedFile) else None
    if slices[0].sop_class == DIRECTORY:
        return path.parent
    if slices[0].is_multi_frame or not slices[0].is_ct:
        return path
    raise InputRejected("the input file is one slice of a DICOM series: give the folder that holds all of them")
