"""The first sheet of an .xlsx file as rows of text, with the standard library; formulas and styles do not count."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

from PDACScreeningLib.errors import DataError

_MAX_BYTES = 1 << 28  # of one part, unpacked: ten thousand rows with reports take some 30 MB
_NAME = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_SHEET, _STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"


def read_sheet(path: Path) -> tuple[dict[str, str], ...]:
    """The rows below the first one, each by the names of the first; an empty cell is left out of its row.

    Raises DataError for a file that is no .xlsx, is damaged, or repeats a column name.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            strings = _shared_strings(archive)
            rows = [_cells(row, strings) for row in _parsed(archive, _SHEET).iter(f"{_NAME}row")]
    except ElementTree.ParseError as error:
        raise DataError(f"{path} holds a sheet that cannot be read: {error}; download it again") from error
    except Exception as error:  # damaged bytes can make zipfile and what it unpacks with raise anything
        why = str(error) or "it is damaged"
        raise DataError(f"{path} cannot be read as an .xlsx table: {why}; download it again") from error
    if not rows:
        return ()
    header = {column: name.strip() for column, name in rows[0].items()}
    if len(set(header.values())) < len(header):
        raise DataError(f"{path} names a column twice: {', '.join(header.values())}")
    return tuple({header[column]: text for column, text in row.items() if column in header} for row in rows[1:])


def _shared_strings(archive: zipfile.ZipFile) -> list[str]:
    """Texts that cells refer to by number; () where there are none."""
    if _STRINGS not in archive.namelist():
        return []
    return [_text(item) for item in _parsed(archive, _STRINGS).iter(f"{_NAME}si")]


def _cells(row: ElementTree.Element, strings: list[str]) -> dict[str, str]:
    """Text by the letters of the column."""
    found = {}
    for cell in row.iter(f"{_NAME}c"):
        letters, kind = re.match(r"[A-Z]*", cell.get("r", "")), cell.get("t", "n")
        value = cell.find(f"{_NAME}v")
        if kind == "inlineStr":
            text = _text(cell)
        elif value is None or value.text is None:
            continue
        else:
            text = strings[int(value.text)] if kind == "s" else value.text
        if letters is not None and text:
            found[letters[0]] = text
    return found


def _text(item: ElementTree.Element) -> str:
    return "".join(part.text or "" for part in item.iter(f"{_NAME}t"))


def _parsed(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    if archive.getinfo(name).file_size > _MAX_BYTES:
        raise ValueError(f"{name} is too large")
    with archive.open(name) as file:
        return ElementTree.fromstring(_plain_xml(file))


def _plain_xml(file: IO[bytes]) -> bytes:
    """The content, which must not define entities: they could grow without end."""
    content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ValueError("it is too large or defines entities")
    return content
