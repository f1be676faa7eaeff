"""Your own cases: a CSV file with the columns `image` and `labels`, and if wanted `case_id` and `patient_id`."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
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
    """The rows of a text as table programs write it. Raises DataError for other columns, csv.Error.

    Commas, semicolons or tabs; the first of a tab and a semicolon that the header has, or what a line "sep=;" names.
    """
    lines = text.splitlines()
    delimiter = _named_delimiter(lines[0]) if lines else None
    before = next((i for i in range(delimiter is not None, len(lines)) if lines[i].strip()), len(lines))
    header = "".join(lines[before : before + 1])
    delimiter = delimiter or next((sign for sign in ("\t", ";") if sign in header), ",")
    reader = csv.DictReader(lines[before:], delimiter=delimiter, skipinitialspace=True)
    columns = _column_names(reader.fieldnames or ())
    if len(set(columns)) < len(columns):
        raise DataError(f"{file} names a column twice: {', '.join(columns)}")
    missing, unknown = set(_NEEDED) - set(columns), set(columns) - {*_NEEDED, *_OPTIONAL}
    if missing or unknown:
        raise DataError(
            f"{file} has the columns {', '.join(columns) or 'none'}; it needs {' and '.join(_NEEDED)}, and may have "
            f"{' and '.join(_OPTIONAL)}"
        )
    rows = []
    reader.fieldnames = columns
    for row in reader:
        words = {key: (row[key] or "").strip() for key in columns}
        if row.get(None) and any(extra.strip() for extra in row[None]):
            raise DataError(f"{file}, line {before + reader.line_num}: there are more values than columns")
        if any(words.values()):
            rows.append((before + reader.line_num, words))
    return rows


def _named_delimiter(line: str) -> str | None:
    """The delimiter of a first line "sep=;", which Excel reads and some programs write; None for another line."""
    found = re.fullmatch(r'"?sep=(.)"?[;,\t]*', line.strip(" \r"), re.IGNORECASE)
    return found[1] if found else None


def _column_names(header: Sequence[str]) -> list[str]:
    """Names in small letters, without the empty ones that table programs leave at the end."""
    names = [name.strip().lower().replace(" ", "_") for name in header]
    while names and not names[-1]:
        names.pop()
    return names


def _found(folder: Path, name: str) -> Path:
    """A file of the list; one written as on Windows is looked for with slashes where it is not there as it stands."""
    path = folder / name
    return path if path.exists() or "\\" not in name else folder / name.replace("\\", "/")


def _case(file: Path, line: int, row: dict[str, str], mapping: LabelMapping) -> DataCase:
    for column in _NEEDED:
        if not row[column]:
            raise DataError(f"{file}, line {line}: the column {column} is empty")
    image, labels = (_found(file.parent, row[column]) for column in _NEEDED)
    case_id = row.get("case_id") or _ENDINGS.sub("", image.name)
    if not _SAFE_NAME.fullmatch(case_id):
        raise DataError(
            f"{file}, line {line}: '{case_id}' cannot name the files of a case; give a case_id of letters, digits, "
            "dots, dashes and underscores"
        )
    patient_id = row.get("patient_id") or case_id
    return DataCase(case_id, patient_id, image, labels, mapping, FACTS.name)
