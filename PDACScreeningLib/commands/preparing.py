"""What `prepare` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PDACScreeningLib.commands.guard import DONE
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.datasets.dataset import Dataset
from PDACScreeningLib.datasets.label_placement import AS_STORED, Flips
from PDACScreeningLib.datasets.source import DataSource, open_source, recognized
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.training.case_store import StoreIndex
from PDACScreeningLib.training.preparation import prepare
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.label_mapping import LabelMapping

Value = TypeVar("Value")


@dataclass(frozen=True)
class PrepareRequest:
    """What was asked of `prepare`. A name of None stands for the only source there is."""

    sources: tuple[tuple[str | None, Path], ...]  # (data set, folder); None recognizes the layout
    output: Path
    working_spacing_mm: float | None
    labels: tuple[tuple[str | None, Path], ...] = ()
    mirrored: tuple[tuple[str | None, Flips], ...] = ()
    label_mapping: LabelMapping | None = None
    jobs: int = 1


def label_mapping(pairs: tuple[tuple[str, str], ...] | None) -> LabelMapping | None:
    """The mapping of (stored number, label in lower case) pairs; "rest" stands for all other numbers."""
    if pairs is None:
        return None
    meaning = {number: Label[name.upper()] for number, name in pairs}
    rest = meaning.pop("rest", None)
    return LabelMapping(tuple((int(number), label) for number, label in meaning.items()), rest)


def run_prepare(request: PrepareRequest, display: Display, interruption: Interruption) -> int:
    """Write a case store; cases that cannot be used are named with their reason."""
    datasets = [open_source(source) for source in _sources(request)]
    for dataset in datasets:
        _introduce(dataset, display)
    index = prepare(
        datasets,
        request.output,
        request.working_spacing_mm,
        jobs=request.jobs,
        on_progress=interruption.hook(display.progress),
    )
    for case in index.refused:
        display.notice(f"refused {case.case_id}: {case.reason}")
    display.result(_summary(index, request.output), _counts(index))
    return DONE


def _sources(request: PrepareRequest) -> list[DataSource]:
    """The sources with their options. Raises UsageError for an option of a source that is not there."""
    named = [(name or recognized(path), path) for name, path in request.sources]
    labels = _by_name(request.labels, named, "--labels")
    mirrored = _by_name(request.mirrored, named, "--mirrored-labels")
    takes_mapping = "csv" if any(name == "csv" for name, _ in named) else named[0][0]
    return [
        DataSource(
            path,
            name,
            labels.get(name),
            request.label_mapping if name == takes_mapping else None,
            mirrored.get(name, AS_STORED),
        )
        for name, path in named
    ]


def _by_name(
    given: tuple[tuple[str | None, Value], ...], sources: list[tuple[str, Path]], option: str
) -> dict[str, Value]:
    names = [name for name, _ in sources]
    found: dict[str, Value] = {}
    for name, value in given:
        if name is None and len(sources) > 1:
            raise UsageError(
                f"there are several sources: say which one {option} is for, such as {option} {names[0]}=..."
            )
        if name is not None and name not in names:
            raise UsageError(f"{option} {name}=...: no source is {name}; the sources are {', '.join(names)}")
        source = name or names[0]
        if source in found:
            raise UsageError(f"{option} is given twice for {source}: give it once for all of its cases")
        found[source] = value
    return found


def _introduce(dataset: Dataset, display: Display) -> None:
    facts = dataset.facts
    display.notice(f"{facts.title}: {len(dataset.cases)} cases; license {facts.license}; labels: {facts.labels}")
    for sentence in (*facts.traps, *dataset.notes):
        display.notice(f"  {sentence}")


def _counts(index: StoreIndex) -> dict[str, int]:
    return {
        "stored": len(index.cases),
        "refused": len(index.refused),
        "patients": len({case.patient_id for case in index.cases}),
        "with_tumor": sum(case.tumor_voxels > 0 for case in index.cases),
        "with_warnings": sum(bool(case.warnings) for case in index.cases),
    }


def _summary(index: StoreIndex, store: Path) -> str:
    counts = _counts(index)
    return (
        f"{counts['stored']} cases stored in {store}, {counts['refused']} refused\n"
        f"{counts['patients']} patients; {counts['with_tumor']} cases have a tumor; {counts['with_warnings']} have "
        "warnings, listed in store.json"
    )
