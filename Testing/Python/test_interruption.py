import os
import signal
import threading

import pytest

from PDACScreeningLib.errors import Cancelled
from PDACScreeningLib.progress import Progress
from PDACScreeningLib.terminal.interruption import Interruption

REPORT = Progress("scan", 1, 4)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_runs_and_the_next_progress_report(number):
    with Interruption() as interruption:
        interruption.check(REPORT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        with pytest.raises(Cancelled):  # though a library may have swallowed the first
            interruption.check(REPORT)


def test_a_shielded_step_runs_to_its_end_and_the_signal_is_remembered():
    finished = False
    with Interruption() as interruption:
        with interruption.shielded():
            os.kill(os.getpid(), signal.SIGINT)
            finished = True
        with pytest.raises(Cancelled):
            interruption.check(REPORT)
    assert finished


def test_shields_inside_shields_hold():
    with Interruption() as interruption, interruption.shielded():
        with interruption.shielded():
            pass
        os.kill(os.getpid(), signal.SIGTERM)
    assert interruption.requested


def test_the_earlier_handlers_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interruption():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_in_another_thread_it_is_harmless():
    errors = []

    def enter():
        try:
            with Interruption() as interruption:
                interruption.check(REPORT)
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert errors == []
