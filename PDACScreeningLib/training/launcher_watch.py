"""Ends a rank of a distributed training when its launcher is gone.

A launcher that is killed cannot end its ranks: they would wait for each other for ever, hold their GPUs, and write into
a folder in which the next training has begun. Standard library only, so that it can start before torch is imported.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
_LOOK_EVERY_S = 0.5


def end_with_launcher() -> None:
    """End this process by SIGKILL as soon as the process that started it has ended; does nothing on Windows.

    Linux does it by itself (PR_SET_PDEATHSIG); elsewhere, and where that is forbidden, a thread looks twice a second.
    What is half-written then is a temporary file: checkpoints are moved into place whole.
    """
    if sys.platform == "win32":
        return
    launcher = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    threading.Thread(target=_watch, args=(launcher,), name="launcher watch", daemon=True).start()


def is_rank() -> bool:
    """Whether a launcher (torchrun, srun) started this process as one of several."""
    return {"RANK", "WORLD_SIZE"} <= os.environ.keys()


def _watch(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(_LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGKILL)
