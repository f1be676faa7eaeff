"""`screen` with DICOM results, and what its folder holds."""

import json

from dicom_cases import code_of, items_of, read_object

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.dicom.object_files import DICOM_FILES, REPORT
from PDACScreeningLib.screening_json import from_json
from PDACScreeningLib.session.result_folder import RESULT_FILES, SCREENING

FOUR = set(RESULT_FILES)


ENDED = {"report.html", SCREENING}


def screen(scan, output, model, *options):
    return main(["screen", str(scan), "--output", str(output), "--model", str(model), "--device", "cpu", *options])


def names(folder):
    return {path.name for path in folder.iterdir()}


def screening(folder):
    return from_json(json.loads((folder / SCREENING).read_text()))


def summary(folder):
    """What the report claims in the standard's words."""
    report = read_object((folder / REPORT).read_bytes())
    [code] = [item.ConceptCodeSequence[0].CodeValue for item in items_of(report) if code_of(item) == "111017"]
    return code


def refusal(folder):
    """Why there are no DICOM results; the other files are there."""
    assert not names(folder) & set(DICOM_FILES)
    [warning] = [text for text in screening(folder).warnings if text.startswith("No DICOM results were written: ")]
    return warning
