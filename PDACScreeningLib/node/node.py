"""The node: receive, wait until a series is whole, screen, send; each in a thread of its own, until it is stopped."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable

from PDACScreeningLib.errors import PDACScreeningError, UsageError
from PDACScreeningLib.node.admission import Admission
from PDACScreeningLib.node.config import NodeConfig
from PDACScreeningLib.node.pacs import Commitments, PacsPeer
from PDACScreeningLib.node.receiver import Receiver
from PDACScreeningLib.node.screening_queue import ScreeningQueue, WarmChild
from PDACScreeningLib.node.sender import Sender
from PDACScreeningLib.node.series_state import SeriesRow, SeriesState
from PDACScreeningLib.node.spool import Spool
from PDACScreeningLib.session.model import LazyModel, ModelRequest

_PAUSE_S = 0.2  # between two looks for work
_AFTER_ERROR_S = 5.0  # a full disk, a locked database: it may pass
_CLEAN_S = 600.0  # between two looks for what is old
_FAREWELL_S = 20.0  # that threads get to finish what they do

Step = Callable[[], bool]
_logger = logging.getLogger(__name__)


class Node:
    """Everything that runs. `tell` takes the lines of the log, which name no patient."""

    def __init__(self, config: NodeConfig, tell: Callable[[str], None]) -> None:
        """Open the spool. Raises UsageError when model, spool, TLS files or another node stand against it."""
        LazyModel(ModelRequest(config.screening.model))  # is there such a model?
        self._say = tell
        self.spool = Spool(config.spool)
        try:
            commitments = Commitments()
            self._child = WarmChild(config.screening.python, config.screening.timeout_s)
            pacs = PacsPeer(config, self.spool, commitments)
            self._receiver = Receiver(config.node, self.spool, commitments, tell)
            self._admission = Admission(config, self.spool, pacs, self._tell)
            self._screening = ScreeningQueue(config, self.spool, self._child, self._tell)
            self._sender = Sender(config, self.spool, pacs, self._tell)
        except PDACScreeningError:
            self.spool.close()
            raise
        self._stopping, self._broken = threading.Event(), threading.Event()
        self._cleaned = 0.0
        self.more_steps: dict[str, Step] = {}  # other doors, by name

    def run(self, stop: Callable[[], bool]) -> bool:
        """Work until `stop` says so; False when an unexpected error ended it. Raises UsageError for a taken port."""
        threads = []
        try:
            self._receiver.start()
            steps: dict[str, Step] = {
                "admission": self._admission.step,
                "screening": lambda: self._screening.step(self._stopping.is_set),
                "sending": self._sender.step,
                "cleaning": self._clean,
                **self.more_steps,
            }
            threads = [threading.Thread(target=self._loop, args=pair, daemon=True) for pair in steps.items()]
            for thread in threads:
                thread.start()
            self._say("listening")
            while not stop() and not self._broken.is_set():
                time.sleep(_PAUSE_S)
            self._say("stopping")
            self._receiver.stop()
        finally:
            self._end(threads)
        self._say("stopped")
        return not self._broken.is_set()

    def _end(self, threads: list[threading.Thread]) -> None:
        self._stopping.set()
        deadline = time.monotonic() + _FAREWELL_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._child.close()
        if not any(thread.is_alive() for thread in threads):
            self.spool.close()

    def _loop(self, name: str, step: Step) -> None:
        """One step after the other. What is wrong with the disk may pass; what is wrong with us ends the node."""
        while not self._stopping.is_set():
            try:
                if not step():
                    self._stopping.wait(_PAUSE_S)
            except (OSError, sqlite3.Error, UsageError) as error:
                self._say(f"{name}: {type(error).__name__}, tried again in {_AFTER_ERROR_S:g} s")
                self._stopping.wait(_AFTER_ERROR_S)
            except Exception as error:
                places = [f"{place.name}:{place.lineno}" for place in traceback.extract_tb(error.__traceback__)[-3:]]
                self._say(f"{name}: an unexpected error ({type(error).__name__} at {' '.join(places)}) ends the node")
                _logger.debug("the node ends", exc_info=True)
                self._broken.set()
                return

    def _clean(self) -> bool:
        if time.monotonic() - self._cleaned > _CLEAN_S or not self._cleaned:
            self._cleaned = time.monotonic()
            removed = self.spool.remove_old()
            if removed:
                self._say(f"images and results of {removed} series were deleted, as spool.retention_days asks")
        return False

    def _tell(self, row: SeriesRow, to: SeriesState, why: str) -> None:
        self._say(f"series {row.key[:8]}: {to.value}{f', {why}' if why else ''}")
