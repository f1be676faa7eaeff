"""Small results to read, with their scans, and a browser without a screen."""

import http.client
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import numpy as np
import SimpleITK as sitk
from screening_inputs import write_scan

from PDACScreeningLib.cohort.scan_search import FoundScan
from PDACScreeningLib.config import DecisionRule, ScreeningConfig
from PDACScreeningLib.network_evidence import ScaleEvidence
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.reading_room.case_list import CaseList
from PDACScreeningLib.reading_room.opened_case import OpenCases
from PDACScreeningLib.reading_room.reader_log import ReaderLog
from PDACScreeningLib.reading_room.room import ReadingRoom
from PDACScreeningLib.reading_room.scan_finder import ScanFinder
from PDACScreeningLib.reading_room.server import RoomServer
from PDACScreeningLib.session.answer import Answer, write_answer
from PDACScreeningLib.session.given_labels import score_segmentation
from PDACScreeningLib.session.result_place import held_place
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

LARGE, SMALL = (slice(10, 13), slice(16, 19), slice(16, 19)), (slice(10, 12), slice(16, 19), slice(21, 24))
CONFIG = ScreeningConfig(working_spacing_mm=4.0, decision=DecisionRule(min_tumor_voxels=20))


def scan(folder: Path, number: int) -> Path:
    """A scan like no other: it has `number` slices more."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_scan(folder / f"ct{number}.nii.gz", shape=(24 + number, 40, 40))


def answer(path: Path, *tumors, label: str = "", networks: bool = False) -> Answer:
    """What is said of a scan with a gland and these tumors in it."""
    shape = sitk.ReadImage(str(path)).GetSize()[::-1]
    labels = np.zeros(shape, np.uint8)
    labels[8:16, 14:24, 14:26] = Label.PANCREAS
    for tumor in tumors:
        labels[tumor] = Label.TUMOR
    probability = np.where(labels == Label.TUMOR, np.float32(0.9), np.float32(0.05))
    grid = Geometry(shape, (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
    said = score_segmentation(path, LabelMap(labels, grid), probability, config=CONFIG)
    scales = (
        tuple(ScaleEvidence(side, 900, 30 if tumors else 0, None, 1, 0) for side in (64, 32, 16)) if networks else ()
    )

    return replace(said, screening=replace(said.screening, label=label, scales=scales))


def result(folder: Path, path: Path, *tumors, with_report: bool = True, **more) -> Path:
    """The result folder of that; without a report it is made faster."""
    said = answer(path, *tumors, **more)
    with held_place(folder, nullcontext):
        write_answer(said, folder, shield=nullcontext, on_progress=ignore_progress, with_report=with_report)
    return folder


class Browser:
    """Asks one server; keeps its cookie."""

    def __init__(self, port: int, cookie: str = ""):
        self.port, self.cookie = port, cookie

    def ask(self, path, form=None, *, headers=None, method=None):
        """(status, headers, body) of a GET, or of a POST of a form."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        own = {"Cookie": self.cookie} if self.cookie else {}
        body = None if form is None else urlencode(form)
        if body is not None:
            own |= {"Origin": f"http://127.0.0.1:{self.port}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method or ("GET" if form is None else "POST"), path, body, own | (headers or {}))
        got = connection.getresponse()
        found = got.status, dict(got.getheaders()), got.read()
        connection.close()
        return found

    def get(self, path):
        """The body of a page that is there."""
        status, _, body = self.ask(path)
        assert status == 200, (path, status, body)
        return body

    def enter(self, entrance):
        """Open the address that was printed."""
        status, headers, _ = self.ask(urlsplit(entrance).path)
        assert (status, headers["Location"]) == (303, "/")
        self.cookie = headers["Set-Cookie"].partition(";")[0]
        return self


@contextmanager
def open_room(answers):
    """A browser that was let into a room."""
    server = RoomServer(answers)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield Browser(server.server_port).enter(server.entrance)
    finally:
        server.shutdown()
        server.server_close()


def room_of(place: Path, *scans: Path, reader: str = "r1", keep_in: Path | None = None) -> ReadingRoom:
    """The room of a reader over results and their scans."""
    keep_in = keep_in or place / "reading"
    found = [FoundScan(path) for path in scans]
    return ReadingRoom(
        CaseList(place, keep_in), ReaderLog(keep_in / "reading.sqlite", reader), OpenCases(ScanFinder(found)), keep_in
    )
