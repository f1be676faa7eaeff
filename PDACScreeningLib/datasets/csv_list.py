"""Your own cases: a CSV file with the columns `image` and `labels`, and if wanted `case_id` and `patient_id`."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from PDACScreeningLib.datasets.dataset import DataCase, Dataset, DatasetFacts
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.volume.label_mapping import OWN_LABELS, LabelMapping

FACTS = DatasetFacts(
    name="csv",
    title="cases of a CSV file",
    license="as told by whoever made the cases",
    source="Cases listed in a CSV file.",
    labels="0 background, 1 pancreas, 2 tumor, unless --label-mapping says otherwise.",
    traps=("Without a column patient_id every case counts as a patient of its own.",),
)
LIST_NAME = "cases.csv"
_NEEDED, _OPTIONAL = ("image", "labels"), ("case_id", "patient_id")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ENDINGS = re.compile(r"\.(nii|nii\.gz|nrrd|nhdr|mha|mhd)$", re.IGNORECASE)


def is_csv_list(path: Path) -> bool:
    """Whether this is a CSV file, or a folder with a `cases.csv`."""
    return path.suffix.lower() == ".csv" or (path / LIST_NAME).is_file()


def csv_list(path: Path, label_mapping: LabelMapping = OWN_LABELS) -> Dataset:
    """The cases in the order of the file. Paths are relative to the folder of the file, or absolute.

    path: the CSV file, or a folder with a `cases.csv`. An image may be a file or a folder of DICOM slices. Without a
    case_id the name of the image counts. Raises DataError that tells the line which cannot be read.
    """
    file = path / LIST_NAME if path.is_dir() else path
    rows = _rows(file)
    if not rows:
        raise DataError(f"{file} lists no case")
    cases = tuple(_case(file, line, row, label_mapping) for line, row in rows)
    return Dataset(FACTS, cases)


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    """(line, row) of every line that is not empty."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{file} cannot be opened: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not a text file in UTF-8: save it as CSV again") from error
    try:
        return _parsed(file, text)
    except csv.Error as error:
        raise DataError(f"{file} is no table of comma-separated values ({error}): save it as CSV again") from error


def _parsed(file: Path, text: str) -> list[tuple[int, dict[str, str]]]:
    """The rows of the text of a file. Raises DataError for other columns, csv.Error."""
    header = text.partition("\n")[0]
    reader = csv.DictReader(text.splitlines(), delimiter=";" if ";" in header else ",", skipinitialspace=True)
    columns = [name.strip() for name in reader.fieldnames or ()]
    missing, unknown = set(_NEEDED) - set(columns), set(columns) - {*_NEEDED, *_OPTIONAL}
    if missing or unknown:
        raise DataError(
            f"{file} has the columns {', '.join(columns) or 'none'}; it needs {' and '.join(_NEEDED)}, and may have "
            f"{' and '.join(_OPTIONAL)}"
        )
    reader.fieldnames = columns
    return [(reader.line_num, {key: (row[key] or "").strip() for key in columns}) for row in reader]


def _case(file: Path, line: int, row: dict[str, str], mapping: LabelMapping) -> DataCase:
    for column in _NEEDED:
        if not row[column]:
            raise DataError(f"{file}, line {line}: the column {column} is empty")
    image = file.parent / row["image"]
    case_id = row.get("case_id") or _ENDINGS.sub("", image.name)
    if not _SAFE_NAME.fullmatch(case_id):
        raise DataError(
            f"{file}, line {line}: '{case_id}' cannot name the files of a case; give a case_id of letters, digits, "
            "dots, dashes and underscores"
        )
    patient_id = row.get("patient_id") or case_id
    return DataCase(case_id, patient_id, image, file.parent / row["labels"], mapping, FACTS.name)
