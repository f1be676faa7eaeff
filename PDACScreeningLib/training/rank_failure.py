"""When one process of a training fails, the others end too, whatever they are waiting for.

A rank that ended with an error would leave the others in an exchange of gradients that never comes: ten minutes long,
on GPUs in a kernel that cannot be interrupted. torchrun notices a process that is gone, but not one that hangs at its
end; other launchers may notice neither.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from torch.distributed import Store  # type: ignore[attr-defined]  # torch's stub

_LOG = logging.getLogger(__name__)
LOOK_EVERY_S = 5.0
_FAILED = 5  # exit code, as of any command that failed
_KEY = "failed"


@contextmanager
def ended_together(store: Store, rank: int) -> Iterator[None]:
    """Tell the other ranks of an error inside, and end this process when one of them told of an error.

    store: shared by the ranks, and used by nothing else. Ending is at once: files are written whole or not at all.
    """
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(store, over), name="rank watch", daemon=True)
    watch.start()
    try:
        yield
    except BaseException:
        over.set()
        watch.join()
        _tell(store, rank)
        raise
    finally:
        over.set()
    watch.join()


def _tell(store: Store, rank: int) -> None:
    try:
        store.set(_KEY, str(rank))
    except RuntimeError:  # the process that holds the store is gone, which the others notice too
        _LOG.warning("The other processes could not be told that this one failed.")


def _watch(store: Store, over: threading.Event) -> None:
    while not over.wait(LOOK_EVERY_S):
        try:
            failed = store.check([_KEY])
        except RuntimeError:  # likewise
            failed = not over.wait(LOOK_EVERY_S)  # a training that just ended takes its store along
        if failed:
            _LOG.error("Another process of this training failed; this one ends too. The last checkpoint is untouched.")
            os._exit(_FAILED)
