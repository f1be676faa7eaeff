"""A case that is open: its result, checked file by file, and its CT, checked by the digest of its voxels."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.errors import ResultError
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.reading_room.case_list import ListedCase
from PDACScreeningLib.reading_room.exchange import address
from PDACScreeningLib.reading_room.scan_finder import ScanFinder
from PDACScreeningLib.report.served_scan import ScanParts, ServedScan
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.stored_result import StoredResult, read_parts
from PDACScreeningLib.volume.ct_volume import CTVolume

_KEPT = 2  # cases in memory: the one that is read, and the one before
VOXELS = "voxels"
_NOBODY_LOOKED = Screening(Outcome.CANCELLED, "")  # what is known of a scan that is shown without the AI


@dataclass(frozen=True, eq=False)
class OpenedCase:
    """The result as it is stored, the CT, and both as pieces for the browser. path: where the CT lies."""

    stored: StoredResult
    ct: CTVolume
    path: Path
    with_ai: ServedScan
    alone: ServedScan  # made of the CT and nothing else


class OpenCases:
    """Opens cases, and keeps the last ones."""

    def __init__(self, finder: ScanFinder) -> None:
        self._finder = finder
        self._open: OrderedDict[tuple[str, str], OpenedCase] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, case: ListedCase, named: str | int | None = None) -> OpenedCase:
        """The case with its scan. named: in addresses, in place of its name.

        Raises ResultError when the result is damaged or incomplete, or its scan is not there.
        """
        if case.folder is None or case.screening is None:
            raise ResultError(case.row.reason or "the scan has no result")
        key = (case.name, case.screening_sha256)
        with self._lock:  # one at a time: a scan takes hundreds of megabytes
            found = self._open.get(key)
            if found is None:
                found = self._opened(case, case.folder, address("case", case.name if named is None else named, VOXELS))
            self._open[key] = found
            self._open.move_to_end(key)
            while len(self._open) > _KEPT:
                self._open.popitem(last=False)
            return found

    def _opened(self, case: ListedCase, folder: Path, at: str) -> OpenedCase:
        stored = read_parts(folder)
        if case.screening != stored.screening:
            raise ResultError("the result was replaced while it was opened; load the page again")
        ct, path = self._finder.find(stored.screening.input, case.place)
        parts = ScanParts(ct, stored.labels, stored.tumor_probability, stored.network_labels)
        with_ai, alone = ServedScan(stored.screening, parts, at), ServedScan(_NOBODY_LOOKED, ScanParts(ct), at)
        return OpenedCase(stored, ct, path, with_ai, alone)
