"""One order given to a warm worker, watched to its end. For owners that wait; Slicer's panel polls instead."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PDACScreeningLib.child_run.run_failure import failure_of
from PDACScreeningLib.child_run.warm_worker import WarmWorker
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.session.work_order import WorkOrder

_PAUSE_S = 0.02


@dataclass(frozen=True)
class OrderEnd:
    """How an order ended. outcome: None when the child ended without a word. reason: one sentence, why."""

    outcome: Outcome | None
    reason: str


def carry_out(
    workers: WarmWorker,
    order: WorkOrder,
    *,
    python: str | None = None,
    on_event: Callable[[dict[str, Any]], None] = lambda _event: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> OrderEnd:
    """Let a worker obey, and return how it ended. python: of a new worker, as `ScreeningProcess` has it.

    should_stop: asked all the time; True cancels the order, which ends CANCELLED or without an outcome.

    An error of `on_event` ends the worker and is passed on. Raises OSError when no worker can be started.
    """
    process = workers.take(python)
    result: dict[str, Any] | None = None
    message = ""
    try:
        with contextlib.suppress(OSError):  # a child that ended at once says why, or its exit code does
            process.send(to_plain(order))
        running = True
        while result is None and running:
            running = process.running  # asked first: what it said before its end is still read
            for event in process.events():
                on_event(event)
                if event["event"] == "result":
                    result = event
                elif event["event"] == "error":
                    message = str(event.get("message", ""))
            if should_stop():
                process.cancel()
            time.sleep(_PAUSE_S)
    finally:
        exit_code = None if result is None else result.get("exit_code")
        ended, other = process.exit_code, process.other_output
        workers.give_back(process, exit_code if isinstance(exit_code, int) else None)
    return _ending(result, message, ended, other)


def _ending(result: dict[str, Any] | None, message: str, exit_code: int | None, other: tuple[str, ...]) -> OrderEnd:
    outcome = None if result is None else str(result.get("outcome"))
    if outcome in set(Outcome) and result is not None:
        return OrderEnd(Outcome(outcome), str(result.get("reason", "")))
    return OrderEnd(None, failure_of(exit_code, None, message, other).sentence)
