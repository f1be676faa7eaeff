"""What signals do to `pdac-screening train`. Each scenario is played by training_lives.play."""

import os
import signal
import time

from small_store import small_store
from training_lives import end, fork
from training_states import losses

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.training.checkpoint_folder import CheckpointFolder
from PDACScreeningLib.training.journal import JOURNAL


def signals_to_the_command(folder):
    """Each signal to a `train` that has done some iterations; and the last of them run again to its end."""
    small_store(folder / "store")
    found = {}
    for name in ("SIGTERM", "SIGUSR1", "SIGINT"):
        output = folder / name
        life = fork(lambda output=output: _command(folder / "store", output))
        _wait_for_lines(output / "16" / JOURNAL, 3)
        os.kill(life, getattr(signal, name))
        code = end(life)
        saved = CheckpointFolder(output / "16").newest().iteration
        found[name] = {"code": code, "saved": saved, "written_down": len(losses(output / "16"))}
    code = end(fork(lambda: _command(folder / "store", output)))
    found["again"] = {"code": code, "saved": CheckpointFolder(output / "16").newest().iteration}
    return found


def two_commands_in_one_folder(folder):
    """A second `train` while the first one runs."""
    small_store(folder / "store")
    first = fork(lambda: _command(folder / "store", folder / "run"))
    _wait_for_lines(folder / "run" / "16" / JOURNAL, 1)
    os.kill(first, signal.SIGSTOP)
    second = end(fork(lambda: _command(folder / "store", folder / "run")))
    os.kill(first, signal.SIGTERM)
    os.kill(first, signal.SIGCONT)
    return {"second": second, "first": end(first)}


def _command(store, output):
    options = {"--patch-size": 16, "--recipe": "short", "--base-width": 1, "--iterations": 150, "--batch-size": 4}
    words = [str(word) for option in options.items() for word in option]
    return main(["train", str(store), *words, "--device", "cpu", "--threads", "1", "--output", str(output)])


def _wait_for_lines(journal, count):
    stop = time.monotonic() + 120
    while not journal.exists() or len(journal.read_bytes().splitlines()) < count:
        assert time.monotonic() < stop, f"no {count} lines in {journal}"
        time.sleep(0.002)
