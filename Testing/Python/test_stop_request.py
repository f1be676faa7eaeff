"""Signals ask a training to stop, and the command ends with the code that says: run me again."""

import os
import signal
import sys

import pytest
from training_lives import play

from PDACScreeningLib.terminal.exit_codes import RESUME
from PDACScreeningLib.terminal.interruption import StopRequest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals of POSIX")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_is_remembered_and_interrupts_nothing(number):
    with StopRequest() as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()


def test_a_second_ctrl_c_ends_at_once_and_a_second_sigterm_does_not():
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_earlier_handlers_come_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    with StopRequest():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)] == before


def test_the_command_saves_where_it_is_and_goes_on_when_run_again(tmp_path):
    found = play(tmp_path, "command_scenarios", "signals_to_the_command")["signals_to_the_command"]
    for name in ("SIGTERM", "SIGUSR1", "SIGINT"):
        assert found[name]["code"] == RESUME == 75
        assert found[name]["saved"] == found[name]["written_down"] >= 3
    assert found["again"] == {"code": 0, "saved": 150}


def test_a_second_training_of_the_command_is_refused_and_the_first_goes_on(tmp_path):
    found = play(tmp_path, "command_scenarios", "two_commands_in_one_folder")
    assert found["two_commands_in_one_folder"] == {"second": 5, "first": 75}
