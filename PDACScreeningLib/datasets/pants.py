"""PanTS: `ImageTr/PanTS_00000001/ct.nii.gz`, and 28 binary masks a case in `LabelTr/PanTS_00000001/segmentations`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from PDACScreeningLib.datasets.dataset import DataCase, Dataset, DatasetFacts
from PDACScreeningLib.datasets.named_entries import entries_named
from PDACScreeningLib.datasets.spreadsheet import read_sheet
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.volume.label_map import Label

FACTS = DatasetFacts(
    name="pants",
    title="PanTS",
    license="CC BY-NC-SA 4.0",
    source="PanTS public training set: CTs of many centers with and without a pancreatic lesion (Li et al., NeurIPS "
    "2025).",
    labels="pancreas.nii.gz called pancreas, pancreatic_lesion.nii.gz called tumor; both above 0.5.",
    traps=(
        "Non-commercial license: a model trained on it inherits that limit.",
        "A lesion is any lesion: PDAC, cyst or neuroendocrine tumor; it is no PDAC data set.",
        "Cases from PanTS_00009001 on are its test set and are left out.",
        "It holds cases of MSD and NIH under other names; duplicates are found by their voxels, cropped ones are not.",
        "It does not tell patients: two scans of one patient may stand on both sides of a split.",
        "combined_labels.nii.gz is lossy and is not read.",
    ),
    any_mass=True,
)
MASKS = (("pancreas.nii.gz", Label.PANCREAS), ("pancreatic_lesion.nii.gz", Label.TUMOR))
FIRST_TEST_CASE = 9001
METADATA = "metadata.xlsx"
PDAC, OTHER_LESION = "lesion: PDAC by the report", "lesion: not called PDAC by the report"
_CASE = re.compile(r"PanTS_(\d{8})")
_SCAN, _MASK_FOLDER = "ct.nii.gz", "segmentations"
_ID, _TUMOR, _PHASE, _REPORT = "PanTS ID", "tumor?", "ct phase", "structured report"
_PDAC = re.compile(r"\bPDAC\b|ductal adenocarcinoma|pancreatic adenocarcinoma", re.IGNORECASE)
_DENIED = re.compile(r"\b(no|not|without|negative for|rather than|unlikely|exclud\w*)\b[^.;\n]*$", re.IGNORECASE)


def is_pants(folder: Path) -> bool:
    """Whether scans or masks named as in PanTS lie in a folder or below."""
    return any(_holds(entry) for entry in entries_named(folder, _CASE))


def pants(folder: Path, labels: Path | None = None) -> Dataset:
    """The training cases that have a scan and masks. Each is its own patient.

    folder: the clone with ImageTr and LabelTr, or a part of it; labels: where the masks are, sorted or as they lie in
    their archive; None looks below `folder`. metadata.xlsx is read where it lies in one of them. Raises DataError when
    scans or masks are not found, a case is there twice, or metadata.xlsx cannot be read.
    """
    scans = _found(folder, _SCAN)
    masks = _found(folder if labels is None else labels, _MASK_FOLDER)
    if not scans:
        raise DataError(f"{folder} holds no PanTS_00000001/{_SCAN} or the like: give the folder with ImageTr")
    if not masks:
        raise DataError(
            f"{folder if labels is None else labels} holds no PanTS_00000001/{_MASK_FOLDER} or the like: run the "
            "download script for the labels, or give their folder with --labels"
        )
    table = _metadata([folder, *([] if labels is None else [labels])])
    names = sorted(name for name in scans.keys() & masks.keys() if not _is_test(name))
    cases = tuple(_case(name, scans[name], masks[name], (table or {}).get(name)) for name in names)
    return Dataset(FACTS, cases, _notes(scans, masks, table, names))


def says_pdac(report: str) -> bool:
    """Whether a report calls a lesion PDAC: it names it somewhere without a negation before it in the same sentence."""
    return any(not _DENIED.search(report[: match.start()]) for match in _PDAC.finditer(report))


def _case(name: str, scan: Path, masks: Path, row: Mapping[str, str] | None) -> DataCase:
    row = row or {}
    has_tumor = {"0": False, "1": True}.get(row.get(_TUMOR, "").removesuffix(".0"))
    traits = []
    if phase := row.get(_PHASE, "").strip().lower():
        traits.append(f"phase: {phase}")
    if has_tumor and _REPORT in row:
        traits.append(PDAC if says_pdac(row[_REPORT]) else OTHER_LESION)
    case_id = f"{FACTS.name}-{name}"
    return DataCase(
        case_id, case_id, scan, masks, dataset=FACTS.name, traits=tuple(traits), masks=MASKS, has_tumor=has_tumor
    )


def _found(folder: Path, inside: str) -> dict[str, Path]:
    """The file or folder `inside` of every case, by the name of the case. Raises DataError for one that is twice."""
    found: dict[str, Path] = {}
    for entry in entries_named(folder, _CASE):
        path = entry / inside
        if not path.exists():
            continue
        if entry.name in found:
            raise DataError(f"{found[entry.name]} and {path} are the same case: give each download once")
        found[entry.name] = path
    return found


def _holds(entry: Path) -> bool:
    return (entry / _SCAN).is_file() or (entry / _MASK_FOLDER).is_dir()


def _is_test(name: str) -> bool:
    return int(name.rpartition("_")[2]) >= FIRST_TEST_CASE


def _metadata(folders: list[Path]) -> dict[str, dict[str, str]] | None:
    """The rows of metadata.xlsx by case; None where the file is not there."""
    path = next((folder / METADATA for folder in folders if (folder / METADATA).is_file()), None)
    if path is None:
        return None
    rows = read_sheet(path)
    if not rows or _ID not in rows[0]:
        raise DataError(f"{path} has no column '{_ID}': take the metadata.xlsx of PanTS")
    return {row[_ID]: row for row in rows if _ID in row}


def _notes(
    scans: Mapping[str, Path], masks: Mapping[str, Path], table: Mapping[str, object] | None, taken: list[str]
) -> tuple[str, ...]:
    notes = []
    training = {name for name in scans.keys() | masks.keys() if not _is_test(name)}
    if tested := (scans.keys() | masks.keys()) - training:
        notes.append(f"{len(tested)} cases of the test set (from PanTS_{FIRST_TEST_CASE:08} on) were left out")
    if unlabeled := sorted(scans.keys() & training - masks.keys()):
        notes.append(f"{len(unlabeled)} scans without masks were left out, such as {unlabeled[0]}")
    if unseen := len(masks.keys() & training - scans.keys()):
        notes.append(f"{unseen} of {len(masks)} cases with masks have no scan here")
    if table is None:
        notes.append(f"{METADATA} is not there: nothing says which lesions are PDAC, and no mask is compared with it")
    elif unknown := [name for name in taken if name not in table]:
        notes.append(f"{METADATA} does not name {len(unknown)} cases, such as {unknown[0]}")
    return tuple(notes)
