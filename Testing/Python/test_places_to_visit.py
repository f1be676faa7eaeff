"""A change is made in few places: Testing/Architecture/places_to_visit.py, and that it counts what it says."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "Testing" / "Architecture" / "places_to_visit.py"


def load():
    spec = importlib.util.spec_from_file_location("places_to_visit", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    return module


count = load()


@pytest.mark.parametrize("measure", count.MEASURES, ids=lambda measure: measure.change)
def test_a_change_touches_no_more_files_than_it_may(measure):
    places = measure.places(ROOT)
    assert places, f"nothing types {measure.example} any more: choose another example"
    assert len(places) <= measure.limit, places


def write(root, **files):
    for name, text in files.items():
        path = root / "PDACScreeningLib" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_an_option_counts_where_it_is_a_flag_a_field_a_parameter_or_handed_on(tmp_path):
    write(
        tmp_path,
        terminal__arguments="parser.add_argument('--protocol')",
        session__screener="class ScanRequest:\n    protocol: str = 'exact'",
        inference__screening="def screen(ct, protocol): ...",
        inference__caller="screening.screen(ct, protocol='fast')",
    )
    assert [Path(place).stem for place in count.option_places(tmp_path)] == [
        "caller",
        "screening",
        "screener",
        "arguments",
    ]


def test_the_protocol_that_a_result_tells_is_no_option(tmp_path):
    write(
        tmp_path,
        session__record="class Record:\n    protocol: Protocol | None = None",
        session__told="Screening(protocol=used)",
        inference__words="'''About the protocol.'''\nx = 'protocol'  # protocol",
    )
    assert count.option_places(tmp_path) == []


def test_a_field_counts_outside_of_what_only_shows_it(tmp_path):
    write(
        tmp_path,
        screening_result="class Finding:\n    centroid_lps_mm: tuple",
        inference__findings="Finding(centroid_lps_mm=(0, 0, 0))",
        evaluation__table="finding.centroid_lps_mm",
        report__page="finding.centroid_lps_mm",
    )
    assert [Path(place).stem for place in count.field_places(tmp_path)] == ["table", "findings", "screening_result"]


def test_a_data_set_counts_its_own_module_and_every_import_of_it(tmp_path):
    write(
        tmp_path,
        datasets__nih_pancreas_ct="FACTS = 1",
        datasets__source="from PDACScreeningLib.datasets import nih_pancreas_ct",
        datasets__other="from PDACScreeningLib.datasets.nih_pancreas_ct import FACTS",
        datasets__told="'nih_pancreas_ct'",
    )
    assert [Path(place).stem for place in count.data_set_places(tmp_path)] == ["nih_pancreas_ct", "other", "source"]


def test_a_control_counts_its_form_the_panel_and_the_way_to_the_request(tmp_path):
    write(tmp_path, session__screener="class ScanRequest:\n    protocol: str", mrml__run="def run(scan): ...")
    (tmp_path / "PDACScreening").mkdir()
    (tmp_path / "PDACScreening" / "section.py").write_text("ui.protocolSelector")
    (tmp_path / "Resources" / "UI").mkdir(parents=True)
    form = "<ui><widget name='panel'><widget name='protocolSelector'/></widget></ui>"
    (tmp_path / "Resources" / "UI" / "Panel.ui").write_text(form)
    assert [Path(place).name for place in count.control_places(tmp_path)] == ["Panel.ui", "section.py", "screener.py"]


def test_every_import_line_of_the_notebook_counts(tmp_path):
    (tmp_path / "examples").mkdir()
    cell = {"cell_type": "code", "source": ["import numpy as np\n", "import PDACScreeningLib as pdac\n"]}
    text = count.json.dumps({"cells": [{"cell_type": "markdown", "source": ["import this"]}, cell]})
    (tmp_path / "examples" / "screen_a_scan.ipynb").write_text(text)
    assert count.import_lines(tmp_path) == ["import numpy as np", "import PDACScreeningLib as pdac"]
