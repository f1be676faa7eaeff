"""What is known of a data set, and what was found of it in a folder."""

from __future__ import annotations

from dataclasses import dataclass

from PDACScreeningLib.datasets.case import DataCase


@dataclass(frozen=True)
class DatasetFacts:
    """What to know before training on a data set."""

    name: str  # for the command line and in front of case names
    title: str
    license: str  # one line
    source: str  # one sentence for the store and the model card: what the cases are
    labels: str  # one sentence: which stored label is called what
    traps: tuple[str, ...]  # one sentence each


@dataclass(frozen=True)
class Dataset:
    """The cases of a data set in a folder.

    notes: what lies in the folder and was not taken, or should be there and is not; one sentence each.
    """

    facts: DatasetFacts
    cases: tuple[DataCase, ...]
    notes: tuple[str, ...] = ()
