"""How one reader reads a study: which cases in which order, and under which conditions. Drawn once, then stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from PDACScreeningLib import __version__
from PDACScreeningLib.seeding import stream

WASHOUT_DAYS = 28.0  # ours: between the two sessions of a crossover (ADR 0042)
SESSIONS = (1, 2)


class Condition(StrEnum):
    """Whether the AI's answer is shown."""

    UNAIDED = "unaided"
    AIDED = "aided"


class Arm(StrEnum):
    """In which conditions a reader reads each case.

    SEQUENTIAL: without the AI, then at once with it. CROSSOVER: in session 1 half of the cases with it and half
    without, in session 2 the other way round.
    """

    SEQUENTIAL = "sequential"
    UNAIDED = "unaided"
    AIDED = "aided"
    CROSSOVER = "crossover"


@dataclass(frozen=True)
class StudyCase:
    """A case as it was when the study began. aided_first: of a crossover, whether session 1 shows the AI."""

    name: str
    scan: str
    result_sha256: str
    weights_sha256: str
    is_practice: bool = False
    aided_first: bool = False


@dataclass(frozen=True)
class StudyPlan:
    """What one reader reads in one session, the practice cases first. Raises ValueError for a session that is none."""

    arm: Arm
    seed: int
    cases: tuple[StudyCase, ...]
    session: int = 1
    software: str = f"PDACScreening {__version__}"

    def __post_init__(self) -> None:
        if self.session not in SESSIONS or self.session == 2 and self.arm is not Arm.CROSSOVER:
            raise ValueError("only a crossover has a session 2")

    def conditions(self, number: int) -> tuple[Condition, ...]:
        """The conditions of the case with this number, counted from 1, in their order."""
        if self.arm is Arm.SEQUENTIAL:
            return (Condition.UNAIDED, Condition.AIDED)
        if self.arm is Arm.CROSSOVER:
            is_aided = self.cases[number - 1].aided_first == (self.session == 1)
            return (Condition.AIDED if is_aided else Condition.UNAIDED,)
        return (Condition(self.arm.value),)


def drawn_plan(
    reader: str, cases: Sequence[StudyCase], practice: Sequence[str], arm: Arm, seed: int, session: int
) -> StudyPlan:
    """The plan that a seed gives a reader: practice cases as they are named, then the others in random order.

    The halves of a crossover are drawn with the seed, too, and are the same in both sessions; the order is not.
    """
    known = {case.name: case for case in cases}
    first = [replace(known[name], is_practice=True) for name in practice]
    rest = sorted((case for case in cases if case.name not in set(practice)), key=lambda case: case.name)
    half = set(stream(seed, f"crossover half of {reader}").permutation(len(rest))[: len(rest) // 2].tolist())
    halved = [replace(case, aided_first=place in half) for place, case in enumerate(rest)]
    order = stream(seed, f"reading order of {reader}", session).permutation(len(rest))
    return StudyPlan(arm, seed, (*first, *(halved[place] for place in order)), session)
