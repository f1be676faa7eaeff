"""A reader in a study: what is asked next, and what was answered. A stored answer never changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PDACScreeningLib.reading_room.reader_log import About, Entry, ReaderLog
from PDACScreeningLib.reading_room.study_plan import Condition, StudyPlan

BEGUN, OPENED, ANSWER, ACTION = "study begun", "opened", "answer", "action"  # kinds of entries
IDLE_S = 60.0  # ours: a pause longer than this between two acts is told as idle time (ADR 0042)


@dataclass(frozen=True)
class Step:
    """One question: a case by its number, counted from 1, under a condition."""

    number: int
    condition: Condition


class Study:
    """The plan of a reader and the entries of a log. Its state is what is stored: a killed study goes on there."""

    def __init__(self, plan: StudyPlan, log: ReaderLog) -> None:
        self.plan, self._log = plan, log

    @property
    def total(self) -> int:
        """How many cases there are."""
        return len(self.plan.cases)

    def answered(self) -> set[Step]:
        """The steps that are done."""
        return {_step(entry) for entry in self._log.entries(ANSWER)}

    def next_step(self) -> Step | None:
        """What is asked now; None when everything is answered. Cases are read in their order, none is left out."""
        done = self.answered()
        for number in range(1, self.total + 1):
            for condition in self.plan.conditions(number):
                if (step := Step(number, condition)) not in done:
                    return step
        return None

    def open(self, step: Step) -> None:
        """Note that the page of a step was handed out: the server's clock runs from the first time."""
        self._add(OPENED, step, {})

    def act(self, step: Step, actions: list[Any]) -> None:
        """Note what the reader did in the viewer."""
        self._add(ACTION, step, {"actions": actions})

    def answer(self, step: Step, said: Mapping[str, Any], now_s: float) -> None:
        """Store an answer with the time that it took. Raises SaidAlready: the first one stays."""
        once = f"{step.number} {step.condition}"
        self._add(ANSWER, step, {**said, **self._time(step, now_s)}, once)

    def _time(self, step: Step, now_s: float) -> dict[str, float]:
        """Seconds since the page was first handed out, how many of them were idle, and how often it was."""
        opened = [entry.at_s for entry in self._log.entries(OPENED) if _step(entry) == step]
        acts = [entry.at_s for entry in self._log.entries(ACTION) if _step(entry) == step]
        moments = sorted([*opened, *acts, now_s])
        gaps = [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]
        return {
            "seconds": round(now_s - min(opened, default=now_s), 2),
            "idle_seconds": round(sum(gap for gap in gaps if gap > IDLE_S), 2),
            "openings": len(opened),
        }

    def _add(self, kind: str, step: Step, content: Mapping[str, Any], once: str = "") -> None:
        case = self.plan.cases[step.number - 1]
        place = {"number": step.number, "condition": step.condition.value, "practice": case.is_practice}
        self._log.add(kind, About(case.scan, case.name, case.result_sha256), {**place, **content}, once)


def _step(entry: Entry) -> Step:
    return Step(int(entry.content["number"]), Condition(entry.content["condition"]))
