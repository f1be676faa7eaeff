"""Takes the pictures of report, worklist, reading room and study in a real Chromium, from what `make demo` leaves.

The worklist has the two results of the demo, the truth of the phantom without a tumor in the place of a model's labels,
and a file that was cut short. Run by `make pictures`.
"""

import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PDACScreeningLib.cohort.scan_search import FoundScan
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.reading_room.case_list import CaseList
from PDACScreeningLib.reading_room.opened_case import OpenCases
from PDACScreeningLib.reading_room.reader_log import ReaderLog
from PDACScreeningLib.reading_room.room import ReadingRoom
from PDACScreeningLib.reading_room.scan_finder import ScanFinder
from PDACScreeningLib.reading_room.server import Answers, RoomServer
from PDACScreeningLib.reading_room.study_room import StudyRoom
from PDACScreeningLib.reading_room.study_start import StudyRequest, start_study
from PDACScreeningLib.scan_files.segmentation_file import read_segmentation
from PDACScreeningLib.session.given_labels import score_segmentation
from PDACScreeningLib.session.structure_key import labels_of, structure_key
from PDACScreeningLib.terminal.exit_codes import REFUSED

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DEMO, TOOLS = ROOT / "demo", ROOT / "build" / "reader-tools"
TUMOR, NORMAL = DEMO / "phantom-tumor" / "ct.nii.gz", DEMO / "phantom-normal" / "ct.nii.gz"
SCREEN, TALL, PHONE, PAPER = (1400, 900), (1400, 1300), (390, 844), (794, 1123)  # paper: A4 at 96 dots an inch


def results(folder: Path) -> Path:
    """What the worklist shows."""
    shutil.copytree(DEMO / "result-tumor", folder / "results" / "phantom 1, tumor of 30 mm")
    shutil.copytree(DEMO / "result-normal", folder / "results" / "phantom 2, no tumor")
    truth = labels_of(
        read_segmentation(NORMAL.with_name("labels.nii.gz"), "labels"), structure_key(["tumor=2", "pancreas=1"])
    )
    score_segmentation(NORMAL, truth).save(folder / "results" / "phantom 2, its truth")
    cut = folder / "cut.nii.gz"
    cut.write_bytes(TUMOR.read_bytes()[:100_000])
    command = ["screen", str(cut), "--model", "demo-phantom", "--output", str(folder / "results" / "cut short")]
    from PDACScreeningLib.__main__ import main

    if main(command) != REFUSED:
        raise RuntimeError("a file that is cut short was not refused")
    return folder / "results"


@contextmanager
def served(answers: Answers) -> Iterator[dict[str, Any]]:
    """Where a room is, and what lets a browser in."""
    with RoomServer(answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        own = f"http://127.0.0.1:{server.server_port}"
        yield {"url": own, "cookie": {"name": server.cookie, "value": server.key, "url": own}}
        server.shutdown()


def order(name: str, size: tuple[int, int], room: dict[str, Any] | None = None, page: str = "/", **more: Any) -> Any:
    """A picture to be taken: of a page of a room, or of the report."""
    report = {"path": str(DEMO / "result-tumor" / "report.html")}
    where = report if room is None else {"url": room["url"] + page, "cookie": room["cookie"]}
    return {"width": size[0], "height": size[1], "picture": str(HERE / f"{name}.png"), **where, **more}


def take(orders: list[Any]) -> None:
    """Take them, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "orders.json"
        file.write_text(json.dumps({"chrome": shutil.which("chromium"), "pages": orders}))
        script = ROOT / "Testing" / "Reader" / "look.mjs"
        subprocess.run(["node", str(script), str(file)], cwd=TOOLS, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """All pictures of pages."""
    take([order("report-desktop", SCREEN), order("report-phone", PHONE), order("report-print", PAPER, print=True)])
    with tempfile.TemporaryDirectory() as folder:
        place, own = results(Path(folder)), Path(folder) / "own"
        cases, finder = CaseList(place, own), ScanFinder([FoundScan(TUMOR), FoundScan(NORMAL)])
        room = ReadingRoom(cases, ReaderLog(own / "room.sqlite", "reader-1"), OpenCases(finder), own)
        note = ["fill", "textarea", "Look again at the arterial phase"]
        with served(room) as found:
            case = "/case/phantom%201%2C%20tumor%20of%2030%20mm"
            said = [
                ["choose", "[name=state]", "to discuss"],
                note,
                ["go", "form[action$=note] button"],
                ["wait", "#viewer[data-ready]"],
            ]
            take(
                [
                    order("reading-room", TALL, found, case, steps=said),
                    order("worklist", SCREEN, found),
                ]
            )
        request = StudyRequest("pilot", "reader-1", seed=2, practice=("phantom 1, tumor of 30 mm",))
        listed = {one.name: one for one in cases.cases()}
        study = start_study(request, list(listed.values()), own / "study.sqlite", finder, ignore_progress, time.time())
        with served(StudyRoom(study, listed, OpenCases(finder), "reader-1")) as found:
            take([order("reader-study", SCREEN, found, "/case/1")])


if __name__ == "__main__":
    main()
