"""The folder of a cohort, which all workers share: where everything lies, and how each scan stands.

    cohort.json                          the plan (cohort/plan)
    series/00007-1a2b3c4d.json           the files of a series whose folder holds others too
    claims/MODEL-KEY/CASE-INPUT/0001     who is at it (work_claim)
    attempts/CASE-INPUT-xxxx/            a result on its way
    results/MODEL-KEY/CASE-INPUT/        a result: it came here by one renaming, which only one worker can win
    quarantine/MODEL-KEY/CASE-INPUT.json why a scan is not tried any more

KEY stands for the settings, INPUT for the files of the scan (names, sizes, times). So a changed model, version or scan
is screened again, and the earlier result stays where it is without being counted.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib import atomic_file
from PDACScreeningLib.atomic_file import flush_folder
from PDACScreeningLib.cohort.plan import Case, Plan, read_plan, short_digest
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.session.result_folder import SCREENING
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.work_claim import ClaimBoard

_REASON = "reason"


@dataclass(frozen=True)
class Standing:
    """How one scan stands: with a result, put aside, or still to be screened."""

    case: Case
    name: str  # of its claims and its result: case and input; empty when the scan cannot be seen from here
    result: Path | None = None
    quarantine: str | None = None  # why it is not tried any more

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing left to do."""
        return self.result is not None or self.quarantine is not None


class CohortFolder:
    """A cohort that was planned."""

    def __init__(self, folder: Path) -> None:
        """Read the plan. Raises UsageError when there is none."""
        self.folder = folder.resolve()
        self.plan: Plan = read_plan(self.folder)
        key = self.plan.settings.key
        self.results = self.folder / "results" / key
        self.attempts = self.folder / "attempts"
        self._quarantine = self.folder / "quarantine" / key
        self._claims = self.folder / "claims" / key

    def board(self) -> ClaimBoard:
        """The claims of this cohort's scans, for one worker."""
        return ClaimBoard(self._claims, self.plan.lease_s)

    def standings(self) -> Iterator[Standing]:
        """How every scan stands, in the order of the plan."""
        return map(self.standing, self.plan.cases)

    def standing(self, case: Case) -> Standing:
        """How one scan stands now. Raises UsageError when a file of ours cannot be read."""
        signature = self._input_signature(case)
        if signature is None:
            return Standing(case, "")
        name = f"{case.id}-{signature[:8]}"
        result = self.results / name if self.has_result(name) else None
        return Standing(case, name, result, None if result else self._why_in_quarantine(name))

    def has_result(self, name: str) -> bool:
        """Whether a result lies where it belongs."""
        return (self.results / name / SCREENING).is_file()

    def earlier_results(self) -> int:
        """How many results lie here that are not counted: of other settings, or of scans as they were before."""
        names = {standing.name for standing in self.standings()}
        return sum(path.parent != self.results or path.name not in names for path in self.folder.glob("results/*/*/"))

    def commit(self, attempt: Path, name: str) -> bool:
        """Put a finished result where it belongs; False when another worker's lies there already. Raises OSError."""
        self.results.mkdir(parents=True, exist_ok=True)
        try:
            attempt.rename(self.results / name)
        except OSError:
            if self.has_result(name):
                return False
            raise
        flush_folder(self.results)
        return True

    def put_in_quarantine(self, name: str, reason: str) -> None:
        """Try a scan no more. Raises WriteError."""
        atomic_file.write_json(self._quarantine / f"{name}.json", {_REASON: reason})

    def let_out_of_quarantine(self) -> int:
        """Forget every quarantine and the starts that led to it; returns how many scans that were."""
        names = [path.stem for path in self._quarantine.glob("*.json")]
        for name in names:
            self._forget_starts(name)
            (self._quarantine / f"{name}.json").unlink(missing_ok=True)
        return len(names)

    def files_of(self, case: Case) -> tuple[str, ...]:
        """Listed files of a series, from its folder; empty when it is a file or a whole folder. Raises UsageError."""
        if not case.listed:
            return ()
        path = self.folder / "series" / f"{case.id}.json"
        try:
            names = read_json(path)
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} cannot be read: {error}; plan the cohort again") from error
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UsageError(f"{path} is no list of files; plan the cohort again")
        return tuple(names)

    def list_files(self, case: Case, names: tuple[str, ...]) -> None:
        """Keep the names of a series' files, relative to the folder of the case. Raises WriteError."""
        atomic_file.write_json(self.folder / "series" / f"{case.id}.json", list(names))

    def sweep_attempts(self, board: ClaimBoard) -> None:
        """Remove what killed workers left of scans that are settled and nobody is at. What cannot be removed stays."""
        for attempt in self.attempts.glob("*"):
            name = attempt.name.rpartition("-")[0]
            if not board.is_claimed(name) and (self.has_result(name) or self._why_in_quarantine(name) is not None):
                shutil.rmtree(attempt, ignore_errors=True)

    def _why_in_quarantine(self, name: str) -> str | None:
        try:
            content = read_json(self._quarantine / f"{name}.json")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UsageError(f"the quarantine file of {name} cannot be read: {error}; remove it") from error
        return str(content.get(_REASON, "")) if isinstance(content, dict) else ""

    def _forget_starts(self, name: str) -> None:
        for claim in (self._claims / name).glob("*"):
            claim.unlink(missing_ok=True)

    def _input_signature(self, case: Case) -> str | None:
        """Names, sizes and times of the files of a scan in short; None when they cannot be seen from here."""
        try:
            names = self.files_of(case) or (tuple(_files_below(case.scan)) if Path(case.scan).is_dir() else (".",))
            facts = [_file_facts(case.scan, name) for name in sorted(names, key=_parts)]
        except OSError:
            return None
        return short_digest(facts) if facts else None


# Strings, not paths: a cohort of 500 series has 150,000 slices, and the worklist looks at them at each view.
def _file_facts(place: str, name: str) -> tuple[str, int, int]:
    """Name, size and time of a file; the name "." is the place itself. Raises OSError."""
    stat = os.stat(place if name == "." else f"{place}{os.sep}{name}")  # noqa: PTH116
    return name, stat.st_size, stat.st_mtime_ns


def _parts(name: str) -> list[str]:
    return name.split(os.sep)  # noqa: PTH206


def _files_below(folder: str) -> Iterator[str]:
    """Every file below a folder, from there. Raises OSError."""
    for root, _, names in os.walk(folder, onerror=_raise):
        below = root[len(folder) :].lstrip(os.sep)
        yield from (f"{below}{os.sep}{name}" if below else name for name in names)


def _raise(error: OSError) -> None:
    raise error
