"""The scans that can be read: those of a cohort, or every result below a folder, as they are when one asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.cohort.folder import CohortFolder
from PDACScreeningLib.cohort.plan import PLAN, Case
from PDACScreeningLib.cohort.scan_search import FoundScan
from PDACScreeningLib.cohort.table import DAMAGED, Row, row_of_screening, row_without_result
from PDACScreeningLib.digests import bytes_sha256
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.screening_json import from_json
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.result_folder import SCREENING
from PDACScreeningLib.strict_json import parse_json

_NEVER_OURS = (".previous", ".partial")  # how the names of folders end that are no current result


@dataclass(frozen=True)
class ListedCase:
    """One scan, with its result or with why it has none.

    name: of its result folder below the folder that is read, or its number in the cohort. row: what a table says.
    scan: what notes about it belong to, the digest of its voxels; its name where no voxels are known.
    """

    name: str
    row: Row
    folder: Path | None = None
    screening: Screening | None = None
    screening_sha256: str = ""  # of screening.json
    place: FoundScan | None = None  # where the scan lies, as far as the cohort knows

    @property
    def scan(self) -> str:
        """The same for all results of one scan."""
        facts = self.screening.input if self.screening is not None else None
        return (facts.voxels_sha256 if facts is not None else "") or f"case {self.name}"

    @property
    def title(self) -> str:
        """What the reader called the scan, else its name."""
        return (self.screening.label if self.screening is not None else "") or self.name


class CaseList:
    """The cases of a folder, in the order of their names."""

    def __init__(self, place: Path, own_files: Path) -> None:
        """place: a cohort's folder, or one with results. own_files: of the reading room, where no results are sought.

        Raises UsageError when there is neither a cohort nor a result.
        """
        self.place, self._own_files = place.resolve(), own_files.resolve()
        self._read: dict[Path, tuple[tuple[int, int], Screening | ValueError, str]] = {}
        self.cohort = CohortFolder(place) if (place / PLAN).is_file() else None
        if not place.is_dir() or not any(True for _ in self.cases()):
            raise UsageError(
                f"{place} holds no result; name a folder of results ('pdac-screening screen ... --output DIR') or a "
                "cohort's folder"
            )

    def cases(self) -> Iterator[ListedCase]:
        """Every case as it is now."""
        if self.cohort is None:
            yield from (self._case(name, folder) for name, folder in self._result_folders())
            return
        yield from (self._planned(self.cohort, case) for case in self.cohort.plan.cases)

    def case(self, name: str) -> ListedCase | None:
        """The case of a name; None when there is none."""
        if self.cohort is None:
            return next((case for case in self.cases() if case.name == name), None)
        planned = (case for case in self.cohort.plan.cases if case.id == name)
        return next((self._planned(self.cohort, case) for case in planned), None)

    def _planned(self, cohort: CohortFolder, case: Case) -> ListedCase:
        standing, place = cohort.standing(case), self._place(cohort, case)
        if standing.result is None:
            return ListedCase(case.id, row_without_result(standing), place=place)
        return self._case(case.id, standing.result, place)

    def _result_folders(self) -> Iterator[tuple[str, Path]]:
        for root, folders, files in os.walk(self.place):
            folder = Path(root)
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".") and not name.endswith(_NEVER_OURS) and (folder / name) != self._own_files
            )
            if SCREENING in files:
                folders.clear()
                yield folder.relative_to(self.place).as_posix() if folder != self.place else folder.name, folder

    def _case(self, name: str, folder: Path, place: FoundScan | None = None) -> ListedCase:
        screening, digest = self._screening(folder / SCREENING)
        if isinstance(screening, ValueError):
            row = Row(name, DAMAGED, f"{SCREENING} cannot be read: {screening}; screen the scan again")
            return ListedCase(name, row, folder, place=place)
        return ListedCase(name, row_of_screening(name, screening), folder, screening, digest, place)

    def _screening(self, path: Path) -> tuple[Screening | ValueError, str]:
        """The values, read again only when the file is another one. Opening a case checks the files beside it."""
        try:
            stat = path.stat()
            known = self._read.get(path)
            if known is not None and known[0] == (stat.st_mtime_ns, stat.st_size):
                return known[1:]
            content = path.read_bytes()
            found: tuple[Screening | ValueError, str] = from_json(parse_json(content)), bytes_sha256(content)
        except OSError as error:
            return ValueError(error.strerror), ""
        except ValueError as error:
            found = error, ""
        self._read[path] = ((stat.st_mtime_ns, stat.st_size), *found)
        return found

    @staticmethod
    def _place(cohort: CohortFolder, case: Case) -> FoundScan:
        files = cohort.files_of(case)
        return FoundScan(Path(case.scan), "" if files else case.series, files)
