import io
import json
import os
import sys

import pytest

from PDACScreeningLib.errors import Cancelled
from PDACScreeningLib.progress import Progress
from PDACScreeningLib.terminal import display as progress_display
from PDACScreeningLib.terminal.display import JsonLines, PlainLines, Quiet, StageEta, TqdmBar, open_display


class Clock:
    """Time that passes only when told to."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_display, "time", clock)
    return clock


def test_the_time_left_is_that_of_the_windows_left_at_the_pace_so_far(clock):
    stage = StageEta()
    assert stage.eta(Progress("scan", 0, 40)) is None
    clock.now += 6
    assert stage.eta(Progress("scan", 10, 40)) == 18.0  # 10 took 6 s, 30 are left


def test_a_new_stage_starts_a_new_clock(clock):
    stage = StageEta()
    stage.elapsed(Progress("coarse", 0, 4))
    clock.now += 5
    assert stage.elapsed(Progress("fine", 0, 9)) == 0
    clock.now += 2
    assert stage.elapsed(Progress("fine", 3, 9)) == 2


def test_the_first_and_the_last_report_of_a_stage_are_always_due(clock):
    stage = StageEta()
    assert stage.is_due(Progress("scan", 0, 9), 5)
    clock.now += 1
    assert not stage.is_due(Progress("scan", 1, 9), 5)
    clock.now += 4
    assert stage.is_due(Progress("scan", 2, 9), 5)
    clock.now += 1
    assert stage.is_due(Progress("scan", 9, 9), 5)


def test_each_json_line_is_one_object_in_ascii(capsys, clock):
    display = JsonLines()
    display.notice("modèle")
    display.progress(Progress("coarse scan (64^3)", 0, 4))
    clock.now += 3
    display.progress(Progress("coarse scan (64^3)", 1, 4))
    display.error("no")
    display.result("for people", {"outcome": "FAILED", "exit_code": 5})
    written = capsys.readouterr()
    assert written.err == ""
    assert written.out.isascii()
    progress = {"event": "progress", "stage": "coarse scan (64^3)", "total": 4}
    assert [json.loads(line) for line in written.out.splitlines()] == [
        {"event": "notice", "message": "modèle"},
        progress | {"done": 0, "elapsed_s": 0, "eta_s": None},
        progress | {"done": 1, "elapsed_s": 3, "eta_s": 9},
        {"event": "error", "message": "no"},
        {"event": "result", "outcome": "FAILED", "exit_code": 5},
    ]


def test_when_the_listener_is_gone_the_next_report_cancels_and_nothing_else_complains(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        display = JsonLines()
        display.notice("hello?")
        with pytest.raises(Cancelled):
            display.progress(Progress("scan", 0, 4))
        display.result("", {})


def test_plain_lines_go_to_standard_error_and_the_summary_to_standard_output(capsys, clock):
    display = PlainLines()
    display.progress(Progress("fine scan (32^3)", 0, 200))
    clock.now += 10
    display.progress(Progress("fine scan (32^3)", 20, 200))
    display.result("Suspicious region found", {})
    written = capsys.readouterr()
    assert written.err == "fine scan (32^3): 0 of 200\nfine scan (32^3): 20 of 200, about 1 min 30 s left\n"
    assert written.out == "Suspicious region found\n"


def test_a_note_stands_behind_the_time_left(capsys, clock):
    plain, json_lines = PlainLines(), JsonLines()
    plain.progress(Progress("training 64^3", 0, 200))
    clock.now += 10
    plain.progress(Progress("training 64^3", 20, 200, "12 patches/s"))
    json_lines.progress(Progress("training 64^3", 20, 200, "12 patches/s"))
    written = capsys.readouterr()
    assert written.err.endswith("training 64^3: 20 of 200, about 1 min 30 s left, 12 patches/s\n")
    assert json.loads(written.out)["note"] == "12 patches/s"


def test_none_shows_no_progress_but_still_notices_and_errors(capsys):
    display = Quiet()
    display.progress(Progress("scan", 0, 4))
    display.notice("Model: x")
    display.error("no such file")
    assert capsys.readouterr().err == "Model: x\npdac-screening: no such file\n"


def test_a_bar_shows_stage_windows_and_time_left(monkeypatch):
    from tqdm import tqdm

    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    display = TqdmBar(tqdm)
    for done in (0, 60, 120):
        display.progress(Progress("coarse scan (64^3)", done, 120))
    display.progress(Progress("fine scan (32^3)", 0, 10, "12 patches/s"))
    display.close()
    first_stage = terminal.getvalue().split("fine scan")[0]
    assert "coarse scan (64^3)" in first_stage
    assert "120/120" in first_stage
    assert " left]" in first_stage
    assert "12 patches/s" in terminal.getvalue()
    assert terminal.getvalue().isascii()


def test_without_a_terminal_a_bar_becomes_plain_lines_and_the_default_is_silence(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(open_display("bar"), PlainLines)
    assert type(open_display(None)) is Quiet
    assert isinstance(open_display("json"), JsonLines)


def test_a_terminal_that_lacks_a_character_gets_an_escape(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    Quiet().result("Jörg", {})
    assert terminal.buffer.getvalue() == b"J\\xf6rg\n"
