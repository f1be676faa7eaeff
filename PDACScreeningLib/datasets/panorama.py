"""PANORAMA: scans `100122_00001_0000.nii.gz` in four batches, label maps `100122_00001.nii.gz` in a repository.

The repository `panorama_labels` has two folders: `manual_labels` and `automatic_labels`.
"""

from __future__ import annotations

import re
from pathlib import Path

from PDACScreeningLib.datasets.dataset import DataCase, Dataset, DatasetFacts
from PDACScreeningLib.datasets.named_entries import entries_named
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.label_mapping import LabelMapping

FACTS = DatasetFacts(
    name="panorama",
    title="PANORAMA",
    license="CC BY-NC 4.0 (its MSD cases CC BY-SA 4.0, its NIH cases CC BY 3.0)",
    source="PANORAMA public training set: contrast-enhanced CTs with and without PDAC from several European centers, "
    "MSD and NIH (Alves et al. 2024, doi:10.5281/zenodo.10599559).",
    labels="1 PDAC called tumor; 4 parenchyma and 5 duct called pancreas; 0, 2 veins, 3 arteries and "
    "6 common bile duct called background.",
    traps=(
        "Non-commercial license: a model trained on it inherits that limit.",
        "It holds cases of MSD and of NIH under other names; duplicates are found by their voxels.",
        "Some patients have several studies: split by patient.",
        "All pancreas labels and a part of the PDAC labels were made by software, not drawn.",
        "A case without PDAC may have another lesion, which is labeled pancreas: it is no normal case.",
        "Label maps are stored as float64 or uint16.",
    ),
)
LABELS = LabelMapping(
    (
        (0, Label.BACKGROUND),
        (1, Label.TUMOR),  # PDAC
        (2, Label.BACKGROUND),  # veins
        (3, Label.BACKGROUND),  # arteries
        (4, Label.PANCREAS),  # parenchyma
        (5, Label.PANCREAS),  # duct
        (6, Label.BACKGROUND),  # common bile duct
    )
)
_SCAN = re.compile(r"(\d{6})_(\d{5})_0000\.(nii\.gz|mha)")
_LABEL = re.compile(r"(\d{6})_(\d{5})\.(nii\.gz|mha)")
_MANUAL = "manual_labels"


def is_panorama(folder: Path) -> bool:
    """Whether scans named as in PANORAMA lie in a folder or just below."""
    return next(entries_named(folder, _SCAN), None) is not None


def panorama(folder: Path, labels: Path | None = None) -> Dataset:
    """The cases with a label map, by study. The patient is the first number of the name.

    folder: of one or more unpacked batches. labels: the label repository; None looks for it below `folder`.
    Where a study has a manual and an automatic label map, the manual one counts. Raises DataError when scans or label
    maps are not found, or when a scan is there twice.
    """
    scans = _scans(folder)
    maps = _maps(folder if labels is None else labels)
    if not scans:
        raise DataError(f"{folder} holds no 100122_00001_0000.nii.gz or the like: give the folder of unpacked batches")
    if not maps:
        raise DataError(
            f"{folder if labels is None else labels} holds no label map such as 100122_00001.nii.gz: clone the "
            "repository panorama_labels and give its folder with --labels"
        )
    studies = sorted(scans.keys() & maps.keys())
    return Dataset(FACTS, tuple(_case(study, scans[study], maps[study]) for study in studies), _notes(scans, maps))


def _case(study: str, scan: Path, label_map: Path) -> DataCase:
    patient = study.split("_")[0]
    return DataCase(f"{FACTS.name}-{study}", f"{FACTS.name}-{patient}", scan, label_map, LABELS, FACTS.name)


def _notes(scans: dict[str, Path], maps: dict[str, Path]) -> tuple[str, ...]:
    notes = []
    if unlabeled := sorted(scans.keys() - maps.keys()):
        notes.append(f"{len(unlabeled)} scans without a label map were left out, such as {unlabeled[0]}")
    if unseen := len(maps.keys() - scans.keys()):
        notes.append(f"{unseen} of {len(maps)} label maps have no scan here; the scans come in four batches")
    return tuple(notes)


def _scans(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in entries_named(folder, _SCAN):
        study = _study(path)
        if study in found:
            raise DataError(f"{found[study]} and {path} are the same study: give each batch once")
        found[study] = path
    return found


def _maps(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in entries_named(folder, _LABEL):
        if _study(path) not in found or path.parent.name == _MANUAL:
            found[_study(path)] = path
    return found


def _study(path: Path) -> str:
    return "_".join(path.name.split(".")[0].split("_")[:2])
