"""The CT of a result: found by the digest of its voxels and by its grid, so that no other patient's is ever shown."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from PDACScreeningLib.cohort.scan_search import FoundScan
from PDACScreeningLib.cohort.series_links import link_series
from PDACScreeningLib.errors import InputIndeterminate, InputRejected, ResultError
from PDACScreeningLib.scan_files.image_io import ReadCT
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.screening_result import InputFacts
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import ZYX, Geometry

_UNKNOWN_VOXELS = "the result does not say which voxels were screened, so that no scan can be shown for it"
_ANOTHER_SCAN = "what lies where the scan was is not the scan that was screened; it is not shown"
_NOT_FOUND = (
    "the scan of this result was not found; start the reading room again with --scans and the folder that holds it"
)


class _OtherShape(Exception):
    """The scan has another number of voxels than the one that is sought."""


class ScanFinder:
    """Looks for scans in places that were named; remembers the digests of what it has read."""

    def __init__(self, places: Sequence[FoundScan] = ()) -> None:
        self._places = tuple(places)
        self._digests: dict[FoundScan, str] = {}

    def find(self, facts: InputFacts | None, own: FoundScan | None) -> tuple[CTVolume, Path]:
        """The CT that these facts are of, and where it lies. own: where it lay when it was screened, if that is known.

        Scans of the same shape are read first, then the others: reading may change the shape of a tilted series.
        Raises ResultError when it is not there, or when what is there is another scan.
        """
        if facts is None or not facts.voxels_sha256:
            raise ResultError(_UNKNOWN_VOXELS)
        wanted = facts.voxels_sha256
        places = dict.fromkeys([*([own] if own is not None else []), *self._places])
        for shape in (facts.shape_zyx, None):
            for place in [place for place in places if self._digests.get(place, wanted) == wanted]:
                read = self._read(place, shape)
                if read is not None and read.voxels_sha256 == wanted and _lies_as(read.volume, facts):
                    return read.volume, place.place
        raise ResultError(_ANOTHER_SCAN if own is not None and not self._places else _NOT_FOUND)

    def _read(self, place: FoundScan, shape: ZYX | None) -> ReadCT | None:
        """The scan of a place; None when it cannot be read, or has another shape than one that is given."""

        def on_grid(grid: Geometry) -> None:
            if shape is not None and grid.shape != shape:
                raise _OtherShape

        try:
            read = _read_found(place, on_grid)
        except _OtherShape:
            return None
        except (InputRejected, InputIndeterminate, OSError):
            self._digests[place] = ""
            return None
        self._digests[place] = read.voxels_sha256
        return read


def _read_found(found: FoundScan, on_grid: Callable[[Geometry], None]) -> ReadCT:
    """Read a scan, of a folder with several series only the files that were listed."""
    series = found.series or None
    if not found.files:
        return read_scan(found.place, series=series, on_grid=on_grid)
    with tempfile.TemporaryDirectory() as folder:
        links = link_series([found.place / name for name in found.files], Path(folder) / "series")
        return read_scan(links, on_grid=on_grid)


def _lies_as(ct: CTVolume, facts: InputFacts) -> bool:
    try:
        return ct.geometry.is_close(
            Geometry(facts.shape_zyx, facts.spacing_mm_xyz, facts.origin_lps_mm, facts.direction)
        )
    except ValueError:  # the facts are those of no grid
        return False
