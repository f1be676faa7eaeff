"""`pdac-screening read`: a worklist and a reading room in the browser, on this machine alone; or a reader study."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.reading_room.study_plan import SESSIONS, WASHOUT_DAYS, Arm
from PDACScreeningLib.terminal.arguments import describe, from_arguments, natural, port_number, positive_number
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE
from PDACScreeningLib.terminal.interruption import Interruption

if TYPE_CHECKING:
    from PDACScreeningLib.reading_room.server import Answers

LOG, KEEP_IN = "reading.sqlite", "reading"
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `read`."""
    describe(
        parser,
        run_read,
        description="Opens a worklist of results in the browser: the whole scan to scroll, what the AI says, your\n"
        "notes, your accepted and rejected findings. DIR is a folder with results of 'screen' below it, or a\n"
        "cohort's. The page is served to this machine alone (127.0.0.1), to the one browser that opens the printed\n"
        "address; Ctrl-C ends it. Results are never changed: what you say goes into DIR/reading.",
        examples=(
            "pdac-screening read study                       # a cohort, which knows where its scans are",
            "pdac-screening read results --scans /data/cts   # results of 'screen', and where the scans are",
            "pdac-screening read study --reader r2 --no-browser --port 8123",
            "pdac-screening read study --study pilot --reader r1 --practice 00001-1a2b3c4d",
            "pdac-screening read study --study pilot --export pilot.csv --truth truth.csv",
        ),
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder with results, or a cohort's folder")
    parser.add_argument(
        "--scans",
        metavar="SCAN",
        type=Path,
        nargs="+",
        default=[],
        help="files and folders in which the scans are sought; each is known by the digest of its voxels",
    )
    parser.add_argument(
        "--reader", metavar="NAME", default="reader-1", help="who reads; no real name (default: reader-1)"
    )
    parser.add_argument(
        "--keep-in",
        metavar="DIR",
        type=Path,
        help="folder for what readers say and their copies (default: DIR/reading)",
    )
    parser.add_argument(
        "--port", metavar="N", type=port_number, default=0, help="port to serve on (default: a free one)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address only; do not open a browser")
    _add_study(parser)


def _add_study(parser: argparse.ArgumentParser) -> None:
    study = parser.add_argument_group(
        "reader study",
        "each scan is read without the AI first; the answers are exported for R (docs/reading.md)",
    )
    study.add_argument(
        "--study", metavar="NAME", nargs="?", const="study", help="read as a study (default name: study)"
    )
    study.add_argument(
        "--arm",
        choices=[arm.value for arm in Arm],
        help="sequential: without the AI, then with it (default); unaided; aided; crossover: half and half",
    )
    study.add_argument("--session", metavar="N", type=int, choices=SESSIONS, default=1, help="of a crossover: 1 or 2")
    study.add_argument(
        "--seed", metavar="N", type=natural, help="draws the order of cases (default: by chance, stored)"
    )
    study.add_argument("--practice", metavar="CASE", nargs="+", default=[], help="cases to begin with, not counted")
    study.add_argument(
        "--washout-days", metavar="D", type=positive_number, default=WASHOUT_DAYS, help="between sessions (default: 28)"
    )
    study.add_argument("--export", metavar="CSV", type=Path, help="write the answers of all readers, and end")
    study.add_argument(
        "--truth", metavar="CSV", type=Path, help="for --export: columns case and truth (1 cancer, 0 none)"
    )


def run_read(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Serve the reading room or a study until Ctrl-C or SIGTERM, or export one. Raises UsageError before anything."""
    if not _NAME.fullmatch(arguments.reader):
        raise UsageError("--reader takes letters, digits, - and _; choose a name that is not the reader's own")
    if arguments.study is not None and not _NAME.fullmatch(arguments.study):
        raise UsageError("--study takes letters, digits, - and _")
    keep_in = arguments.keep_in or arguments.folder / KEEP_IN
    if arguments.export is not None:
        return _export(arguments, keep_in, display)
    if arguments.study is None and (arguments.arm or arguments.practice or arguments.truth):
        raise UsageError("--arm, --practice and --truth belong to a --study")
    return _serve(_room(arguments, keep_in, display, interruption), arguments, display)


def _serve(answers: Answers, arguments: argparse.Namespace, display: Display) -> int:
    from PDACScreeningLib.reading_room.server import RoomServer

    try:
        server = RoomServer(answers, arguments.port)
    except OSError as error:
        raise UsageError(f"port {arguments.port} cannot be served on: {error.strerror}; leave out --port") from error
    with server:
        display.result(f"Reading room: {server.entrance}", {"address": server.entrance})
        display.notice("The address is good for one browser. Ctrl-C ends the reading room.")
        if not arguments.no_browser and _has_screen():
            webbrowser.open(server.entrance)
        with suppress(KeyboardInterrupt):  # the way in which it ends
            server.serve_forever(poll_interval=0.2)
    return DONE


def _has_screen() -> bool:
    """Whether a browser has somewhere to draw: one of the terminal would take it over."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _room(arguments: argparse.Namespace, keep_in: Path, display: Display, interruption: Interruption) -> Answers:
    from PDACScreeningLib.cohort.scan_search import search_scans
    from PDACScreeningLib.reading_room.case_list import CaseList
    from PDACScreeningLib.reading_room.opened_case import OpenCases
    from PDACScreeningLib.reading_room.reader_log import ReaderLog
    from PDACScreeningLib.reading_room.room import ReadingRoom
    from PDACScreeningLib.reading_room.scan_finder import ScanFinder
    from PDACScreeningLib.reading_room.study_room import StudyRoom
    from PDACScreeningLib.reading_room.study_start import StudyRequest, start_study

    cases, on_progress = CaseList(arguments.folder, keep_in), interruption.hook(display.progress)
    finder = ScanFinder(search_scans(arguments.scans, on_progress).scans)
    if arguments.study is None:
        log = ReaderLog(keep_in / LOG, arguments.reader)
        return ReadingRoom(cases, log, OpenCases(finder), keep_in)
    arm = None if arguments.arm is None else Arm(arguments.arm)
    request = from_arguments(StudyRequest, arguments, arm=arm, practice=tuple(arguments.practice))
    listed = {case.name: case for case in cases.cases()}
    study = start_study(request, list(listed.values()), keep_in / LOG, finder, on_progress, time.time())
    return StudyRoom(study, listed, OpenCases(finder), arguments.reader)


def _export(arguments: argparse.Namespace, keep_in: Path, display: Display) -> int:
    from PDACScreeningLib.reading_room.reader_log import ReaderLog
    from PDACScreeningLib.reading_room.study import ANSWER
    from PDACScreeningLib.reading_room.study_export import export_csv, export_rows, read_truth

    if arguments.study is None or arguments.truth is None:
        raise UsageError("--export needs --study and --truth")
    if not (keep_in / LOG).is_file():
        raise UsageError(f"{keep_in} holds nothing that readers said")
    truth, log = read_truth(arguments.truth), ReaderLog(keep_in / LOG, arguments.reader)
    rows = export_rows(log.of_all_readers(ANSWER), arguments.study, truth)
    log.close()
    atomic_file.write_text(arguments.export, export_csv(rows))
    display.result(f"{arguments.export}: {len(rows)} rows, those of the truth among them", {"rows": len(rows)})
    return DONE
