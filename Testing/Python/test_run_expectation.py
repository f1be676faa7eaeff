"""What a person is told before a run."""

import pytest

from PDACScreeningLib.child_run.run_expectation import Pace, duration, expectation, pace_from_text


def test_before_the_first_run_the_duration_is_not_invented():
    text = expectation("auto", 20, None)
    assert "on a GPU if PyTorch finds one, otherwise on the processors" in text
    assert "after the first run" in text


def test_later_the_last_run_is_scaled_by_the_scanned_volume():
    pace = Pace("cpu", seconds_per_liter=6)
    assert (
        expectation("auto", 20, pace)
        == "Computes on the processors, as in the last run here, which suggests about 2 min."
    )


def test_a_gpu_is_called_by_its_name():
    assert "on NVIDIA H100" in expectation("cuda", 20, Pace("NVIDIA H100", 1))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "about 5 s"), (62, "about 60 s"), (89, "about 90 s"), (95, "about 2 min"), (3600, "about 60 min")]
    + [(5400, "about 1.5 h"), (15480, "about 4.3 h")],
)
def test_a_duration_is_as_rough_as_an_estimate(seconds, text):
    assert duration(seconds) == text


def test_a_pace_survives_the_settings():
    assert pace_from_text(Pace("cpu", 2.5).to_text()) == Pace("cpu", 2.5)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"device": "cpu", "seconds_per_liter": 0}', "null", "fast"])
def test_settings_that_are_not_ours_are_no_pace(text):
    assert pace_from_text(text) is None
