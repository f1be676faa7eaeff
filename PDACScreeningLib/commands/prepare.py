"""`pdac-screening prepare`: data sets to a case store."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PDACScreeningLib.datasets.dataset import Dataset
from PDACScreeningLib.datasets.label_placement import AS_STORED, AXIS_NAMES, Flips
from PDACScreeningLib.datasets.source import DATASET_NAMES, DataSource, open_source, recognized
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.terminal.arguments import (
    add_progress,
    add_working_spacing,
    describe,
    folder_to_write,
    from_arguments,
    positive,
)
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE, REFUSED, RESUME
from PDACScreeningLib.terminal.interruption import Interruption
from PDACScreeningLib.training.assisted_preparation import assist
from PDACScreeningLib.training.preparation import prepare
from PDACScreeningLib.training.store_index import StoreIndex
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.label_mapping import LabelMapping

LABELS = tuple(label.name.lower() for label in Label)
_REST = "rest"  # all other numbers
_LARGEST_LABEL = 65535


Value = TypeVar("Value")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`prepare`: data sets to a case store."""
    describe(
        parser,
        run_prepare,
        description="Checks every case of one or more data sets and writes the good ones on the working grid, ready\n"
        "for training. Bad cases are named with their reason and never trained on. Run it again to go on after an\n"
        "interruption. Data sets: " + ", ".join(DATASET_NAMES) + " (see docs/reference/datasets.md).",
        examples=(
            "pdac-screening prepare cohort --working-spacing-mm 2.5 --output store",
            "pdac-screening prepare batches --labels panorama_labels --jobs 8 --output store",
            "pdac-screening prepare batches --labels panorama_labels --output store --assist   # on many machines",
            "pdac-screening prepare panorama=batches msd=Task07_Pancreas --labels panorama=panorama_labels "
            "--output store",
            "pdac-screening prepare manifest-1599750808610 --labels TCIA_pancreas_labels-02-05-2017 --output store",
            "pdac-screening prepare my-cases.csv --label-mapping 7=pancreas,8=tumor,rest=background --output store",
        ),
    )
    parser.add_argument(
        "sources",
        metavar="[NAME=]PATH",
        nargs="+",
        type=_named_path,
        help="folder of a data set, or a CSV file; NAME= says which data set, otherwise its layout is recognized; of a "
        "scan in several data sets the first one is kept, so name the best truth first: PANORAMA",
    )
    parser.add_argument("--output", metavar="DIR", type=folder_to_write, required=True, help="store folder to write")
    parser.add_argument(
        "--labels",
        metavar="[NAME=]DIR",
        type=_named_path,
        action="append",
        default=[],
        help="label maps of nih, panorama or pants, when they do not lie below the images",
    )
    parser.add_argument(
        "--label-mapping",
        metavar="N=LABEL,...",
        type=_label_mapping,
        help="what the stored labels of csv cases mean (default: 1=pancreas,2=tumor, others are refused)",
    )
    parser.add_argument(
        "--mirrored-labels",
        metavar="[NAME=]AXIS,...",
        dest="mirrored",
        type=_named_axes,
        action="append",
        default=[],
        help=f"mirror all label maps of a data set that are stored so; axes: {', '.join(AXIS_NAMES)}",
    )
    parser.add_argument(
        "--labels-by-voxel",
        metavar="NAME",
        choices=DATASET_NAMES,
        action="append",
        default=[],
        help="take the label maps of a data set voxel by voxel where size and spacing are those of the scan, although "
        "their headers place them elsewhere (nih is always read so)",
    )
    add_working_spacing(parser)
    parser.add_argument(
        "--uncompressed",
        action="store_true",
        help="plain arrays, four to six times as large (default: compressed; needs the package blosc2, which "
        "pip install 'pdac-screening[training]' brings)",
    )
    parser.add_argument(
        "--clip-hu",
        metavar="LOW,HIGH",
        dest="hu_clip",
        type=_window,
        help="clip the body's Hounsfield units to this window, which must hold the networks' (default: keep them)",
    )
    parser.add_argument("--jobs", metavar="J", type=positive, default=1, help="processes side by side (default: 1)")
    parser.add_argument(
        "--assist",
        action="store_true",
        help="help others that run the same command with --assist, on any machine; run it once without when they are "
        "done, which uses what they made and writes the store",
    )
    add_progress(parser)


@dataclass(frozen=True)
class PrepareRequest:
    """What was asked of `prepare`. A name of None stands for the only source there is."""

    sources: tuple[tuple[str | None, Path], ...]  # (data set, folder); None recognizes the layout
    output: Path
    working_spacing_mm: float | None
    labels: tuple[tuple[str | None, Path], ...] = ()
    mirrored: tuple[tuple[str | None, Flips], ...] = ()
    labels_by_voxel: tuple[str, ...] = ()  # data sets
    label_mapping: LabelMapping | None = None
    jobs: int = 1
    uncompressed: bool = False
    hu_clip: tuple[int, int] | None = None
    assist: bool = False


def _named(text: str) -> tuple[str | None, str]:
    """("msd", "x") of "msd=x", and (None, text) without a name; a folder may have = in its name."""
    name, equals, value = text.partition("=")
    return (name, value) if equals and name in DATASET_NAMES else (None, text)


def _named_path(text: str) -> tuple[str | None, Path]:
    name, value = _named(text)
    return name, Path(value)


def _named_axes(text: str) -> tuple[str | None, tuple[bool, bool, bool]]:
    """Mirroring along canonical (z, y, x). Raises ArgumentTypeError."""
    name, value = _named(text)
    wanted = value.split(",")
    unknown = [axis for axis in wanted if axis not in AXIS_NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(f"expected axes out of {', '.join(AXIS_NAMES)}, got {unknown[0]}")
    z, y, x = (axis in wanted for axis in AXIS_NAMES)
    return name, (z, y, x)


def _label_mapping(text: str) -> LabelMapping:
    """The mapping of "7=pancreas,8=tumor,rest=background" or the like. Raises ArgumentTypeError."""
    meaning: dict[str, Label] = {}
    for part in text.split(","):
        number, _, label = (word.strip() for word in part.partition("="))
        known = number == _REST or (number.isdecimal() and int(number) <= _LARGEST_LABEL)
        if not known or label not in LABELS:
            raise argparse.ArgumentTypeError(f"expected 7=pancreas,8=tumor,{_REST}=background or the like, got {part}")
        stored = number if number == _REST else str(int(number))
        if stored in meaning:
            raise argparse.ArgumentTypeError(f"a number stands twice in {text}")
        meaning[stored] = Label[label.upper()]
    rest = meaning.pop(_REST, None)
    return LabelMapping(tuple((int(number), label) for number, label in meaning.items()), rest)


def _window(text: str) -> tuple[int, int]:
    """Two whole numbers of Hounsfield units. Raises ArgumentTypeError."""
    try:
        low, high = (int(part) for part in text.split(","))
    except ValueError:
        low, high = 0, 0
    if not -1024 <= low < high <= 3071:
        raise argparse.ArgumentTypeError(f"expected two whole numbers from -1024 to 3071 such as -100,240, got {text}")
    return low, high


def run_prepare(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Write a case store; cases that cannot be used are named with their reason, and are the exit code's matter too.

    A scan that is there under another name is no such case: nothing is missing.
    """
    request = from_arguments(PrepareRequest, arguments)
    datasets = [open_source(source) for source in _sources(request)]
    for dataset in datasets:
        _introduce(dataset, display)
    if request.assist:
        return _assist(datasets, request, display, interruption)
    index = prepare(
        datasets,
        request.output,
        request.working_spacing_mm,
        jobs=request.jobs,
        is_packed=not request.uncompressed,
        hu_clip=request.hu_clip,
        on_progress=interruption.hook(display.progress),
    )
    for case in index.refused:
        display.notice(f"refused {case.case_id}: {case.reason}")
    told = {note for dataset in datasets for note in dataset.notes}
    for note in (note for note in index.notes if note not in told):
        display.notice(note)
    display.result(_summary(index, request.output), _counts(index))
    return REFUSED if any(not case.is_duplicate for case in index.refused) else DONE


def _assist(datasets: Sequence[Dataset], request: PrepareRequest, display: Display, interruption: Interruption) -> int:
    """Be one of many helpers; no store is written."""
    with interruption.remembered():
        done = assist(
            datasets,
            request.output,
            request.working_spacing_mm,
            is_packed=not request.uncompressed,
            hu_clip=request.hu_clip,
            should_stop=lambda: interruption.requested,
            on_progress=display.progress,
        )
    left = f", {len(done.left)} left" if done.left else ""
    text = f"{done.prepared} cases prepared here{left}. Run the command without --assist to write the store."
    exit_code = RESUME if interruption.requested else DONE
    display.result(text, {"prepared": done.prepared, "left": list(done.left), "exit_code": exit_code})
    return exit_code


def _sources(request: PrepareRequest) -> list[DataSource]:
    """The sources with their options. Raises UsageError for an option of a source that is not there."""
    named = [(name or recognized(path), path) for name, path in request.sources]
    labels = _by_name(request.labels, named, "--labels")
    mirrored = _by_name(request.mirrored, named, "--mirrored-labels")
    by_voxel = _by_name(tuple((name, True) for name in request.labels_by_voxel), named, "--labels-by-voxel")
    takes_mapping = "csv" if any(name == "csv" for name, _ in named) else named[0][0]
    return [
        DataSource(
            path,
            name,
            labels.get(name),
            request.label_mapping if name == takes_mapping else None,
            mirrored.get(name, AS_STORED),
            by_voxel.get(name, False),
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
