"""NIH Pancreas-CT of The Cancer Imaging Archive: `PANCREAS_0001/<study>/<series>/*.dcm` and `label0001.nii.gz`."""

from __future__ import annotations

import re
from pathlib import Path

from PDACScreeningLib.datasets.dataset import DataCase, Dataset, DatasetFacts
from PDACScreeningLib.datasets.named_entries import entries_named
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.label_mapping import LabelMapping

FACTS = DatasetFacts(
    name="nih",
    title="NIH Pancreas-CT",
    license="CC BY 3.0",
    source="NIH Pancreas-CT (TCIA): portal venous CTs of kidney donors and of patients without pancreatic disease "
    "(National Institutes of Health Clinical Center).",
    labels="0 background, 1 pancreas.",
    traps=(
        "All cases are normal, so a data set of this and MSD alone tells hospitals apart as well as tumors.",
        "The label maps are NIfTI files with a header of their own, the scans are DICOM: readers disagree about axes.",
        "PANCREAS_0025 and PANCREAS_0070 are other crops of case 2 and were withdrawn; their label maps remain.",
        "The cases are also in PANORAMA.",
    ),
)
LABELS = LabelMapping(((0, Label.BACKGROUND), (1, Label.PANCREAS)))
WITHDRAWN = (25, 70)
_SCAN = re.compile(r"PANCREAS_(\d{4})(\.nii\.gz)?")
_LABEL = re.compile(r"label(\d{4})\.nii(\.gz)?")


def is_nih_pancreas_ct(folder: Path) -> bool:
    """Whether scans of the collection lie in a folder or just below."""
    return next(entries_named(folder, _SCAN), None) is not None


def nih_pancreas_ct(folder: Path, labels: Path | None = None) -> Dataset:
    """The cases with a label map, by number; each is a patient of its own.

    labels: folder of the label maps, a separate download; None looks for them below `folder`. Scans are folders of
    DICOM slices, or NIfTI files of the same name. Raises DataError when scans or label maps are not found.
    """
    scans = _by_number(folder, _SCAN)
    maps = _by_number(folder if labels is None else labels, _LABEL)
    if not scans:
        raise DataError(f"{folder} holds no PANCREAS_0001, PANCREAS_0002, ...: give the folder of the TCIA download")
    if not maps:
        raise DataError(
            f"{folder if labels is None else labels} holds no label0001.nii.gz: download the annotations of "
            "Pancreas-CT too and give their folder with --labels"
        )
    numbers = sorted(number for number in scans.keys() & maps.keys() if number not in WITHDRAWN)
    return Dataset(FACTS, tuple(_case(number, scans[number], maps[number]) for number in numbers), _notes(scans, maps))


def _case(number: int, scan: Path, label_map: Path) -> DataCase:
    case_id = f"{FACTS.name}-PANCREAS_{number:04d}"
    return DataCase(case_id, case_id, scan, label_map, LABELS, FACTS.name, position_may_differ=True)


def _notes(scans: dict[int, Path], maps: dict[int, Path]) -> tuple[str, ...]:
    notes = []
    if withdrawn := [number for number in WITHDRAWN if number in scans]:
        notes.append(f"PANCREAS {_listed(withdrawn)} left out: withdrawn from the collection, other crops of case 2")
    if unlabeled := sorted(scans.keys() - maps.keys()):
        notes.append(f"PANCREAS {_listed(unlabeled)} left out: no label map")
    if unseen := sorted(maps.keys() - scans.keys() - set(WITHDRAWN)):
        notes.append(f"{len(unseen)} label maps have no scan (PANCREAS {_listed(unseen)}); was the download complete?")
    return tuple(notes)


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(f"{number:04d}" for number in numbers[:5])
    return f"{shown} and {len(numbers) - 5} more" if len(numbers) > 5 else shown


def _by_number(folder: Path, pattern: re.Pattern[str]) -> dict[int, Path]:
    """The entries by the number in their name. Raises DataError when a number is there twice."""
    found: dict[int, Path] = {}
    for path in entries_named(folder, pattern):
        match = pattern.fullmatch(path.name)
        number = int(match.group(1)) if match else 0
        if number in found:
            raise DataError(f"{found[number]} and {path} are the same case: give the folder of one download")
        found[number] = path
    return found
