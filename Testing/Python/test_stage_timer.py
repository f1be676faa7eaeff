"""Times are read off the progress reports."""

import pytest

from PDACScreeningLib import progress
from PDACScreeningLib.errors import Cancelled
from PDACScreeningLib.progress import Progress, StageTimer


@pytest.fixture
def clock_face(monkeypatch):
    """A clock that only moves when told; returns the function that moves it."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])

    def pass_seconds(seconds):
        now[0] += seconds

    return pass_seconds


def test_stage_takes_from_its_first_report_to_its_last(clock_face):
    reports = []
    clock = StageTimer(reports.append)
    clock(Progress("coarse", 0, 2))
    clock_face(3.0)
    clock(Progress("coarse", 1, 2))
    clock_face(4.0)
    clock(Progress("coarse", 2, 2))
    clock_face(50.0)
    with clock.stage("findings"):
        clock_face(0.5)
    assert clock.timings_s == {"coarse": 7.0, "findings": 0.5}
    assert [(report.stage, report.done) for report in reports] == [
        ("coarse", 0),
        ("coarse", 1),
        ("coarse", 2),
        ("findings", 0),
        ("findings", 1),
    ]


def test_cancelling_passes_through():
    def cancel(_progress):
        raise Cancelled

    with pytest.raises(Cancelled), StageTimer(cancel).stage("findings"):
        pytest.fail("a cancelled stage does not start")
