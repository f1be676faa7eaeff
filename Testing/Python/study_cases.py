"""A reader study of four small scans, with a clock that is turned by hand."""

import re

from reading_cases import result, scan

from PDACScreeningLib.cohort.scan_search import FoundScan
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.reading_room.case_list import CaseList
from PDACScreeningLib.reading_room.opened_case import OpenCases
from PDACScreeningLib.reading_room.scan_finder import ScanFinder
from PDACScreeningLib.reading_room.study_room import StudyRoom
from PDACScreeningLib.reading_room.study_start import StudyRequest, start_study

CASES = ("alpha", "beta", "gamma", "delta")


class Clock:
    """The server's clock, turned by hand."""

    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


def make(root, *tumors, label=""):
    """Four scans; every one with the same result but for its voxels."""
    for number, name in enumerate(CASES):
        result(
            root / "results" / name,
            scan(root / "scans", number),
            *tumors,
            with_report=False,
            label=label,
            networks=bool(tumors),
        )
    return root


def study_of(root, keep_in, clock=None, **asked):
    """The room of a reader, as the command makes it."""
    clock = clock or Clock()
    request = StudyRequest(**{"study": "s", "reader": "r1", "seed": 7, **asked})
    cases = {case.name: case for case in CaseList(root / "results", keep_in).cases()}
    finder = ScanFinder([FoundScan(path) for path in sorted((root / "scans").iterdir())])
    study = start_study(request, list(cases.values()), keep_in / "log.sqlite", finder, ignore_progress, clock())
    study._log._clock = clock
    return StudyRoom(study, cases, OpenCases(finder), request.reader, clock)


def send(browser, number, condition, suspicion, **more):
    """Say how suspicious a case is, as its page does."""
    return browser.ask(f"/case/{number}/answer", {"condition": condition, "suspicion": suspicion, **more})


def words(page):
    """A page without its style and its script, which are the same on every page."""
    return re.sub(rb"<style>.*?</style>|<script>.*?</script>", b"", page, flags=re.DOTALL)
