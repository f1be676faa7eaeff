"""`pdac-screening read`: a worklist and a reading room in the browser, on this machine alone; or a reader study."""

from __future__ import annotations

import argparse
import re
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.terminal.arguments import describe, port_number
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE
from PDACScreeningLib.terminal.interruption import Interruption

if TYPE_CHECKING:
    from PDACScreeningLib.reading_room.server import Answers

LOG, KEEP_IN = "reading.sqlite", "reading"
_READER = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


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


def run_read(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    """Serve the reading room until Ctrl-C or SIGTERM. Raises UsageError when nothing was started."""
    answers = _room(arguments, display)
    from PDACScreeningLib.reading_room.server import RoomServer

    try:
        server = RoomServer(answers, arguments.port)
    except OSError as error:
        raise UsageError(f"port {arguments.port} cannot be served on: {error.strerror}; leave out --port") from error
    with server:
        display.result(f"Reading room: {server.entrance}", {"address": server.entrance})
        display.notice("The address is good for one browser. Ctrl-C ends the reading room.")
        if not arguments.no_browser:
            webbrowser.open(server.entrance)
        with suppress(KeyboardInterrupt):  # the way in which it ends
            server.serve_forever(poll_interval=0.2)
    return DONE


def _room(arguments: argparse.Namespace, display: Display) -> Answers:
    from PDACScreeningLib.cohort.scan_search import search_scans
    from PDACScreeningLib.reading_room.case_list import CaseList
    from PDACScreeningLib.reading_room.opened_case import OpenCases
    from PDACScreeningLib.reading_room.reader_log import ReaderLog
    from PDACScreeningLib.reading_room.room import ReadingRoom
    from PDACScreeningLib.reading_room.scan_finder import ScanFinder

    if not _READER.fullmatch(arguments.reader):
        raise UsageError("--reader takes letters, digits, - and _; choose a name that is not the reader's own")
    keep_in = arguments.keep_in or arguments.folder / KEEP_IN
    cases = CaseList(arguments.folder, keep_in)
    found = search_scans(arguments.scans, display.progress).scans
    log = ReaderLog(keep_in / LOG, arguments.reader)
    return ReadingRoom(cases, log, OpenCases(ScanFinder(found)), keep_in)
