"""What the pages of docs/experiments tell is what the present code makes of the readings that lie beside them."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from PDACScreeningLib.evaluation.experiment import read_experiment
from PDACScreeningLib.evaluation.report_document import document
from PDACScreeningLib.evaluation.report_markdown import to_markdown

EXPERIMENTS = Path(__file__).resolve().parents[2] / "docs" / "experiments"
MEASURED = [EXPERIMENTS / name for name in ("demo-phantom", "demo-phantom/shifted", "phantom", "phantom/shifted")]
PAGES = {
    EXPERIMENTS / "demo-phantom" / "README.md": MEASURED[:2],
    EXPERIMENTS / "phantom" / "README.md": MEASURED[2:],
    EXPERIMENTS / "wider-and-longer" / "plan.md": sorted((EXPERIMENTS / "wider-and-longer" / "validation").iterdir()),
}
FIGURE = re.compile(r"\d+/\d+ = [\d.]+ % \([\d.]+-[\d.]+\)|\d\.\d{3} \(\d\.\d{3}-\d\.\d{3}\)|[\d.]+ ± [\d.]+ %")


@pytest.mark.parametrize("folder", MEASURED, ids=lambda folder: str(folder.relative_to(EXPERIMENTS)))
def test_a_report_is_what_the_code_makes_of_its_readings(folder):
    """But for its pictures, and the models beside: those need more than the readings."""
    told = (folder / "report.md").read_text(encoding="utf-8").splitlines()
    made = to_markdown(document(read_experiment(folder / "experiment.json"))).splitlines()
    assert len(made) > 100
    assert [line for line in made if line not in told] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_every_figure_of_a_page_is_one_of_its_readings(page):
    told = set(FIGURE.findall(page.read_text(encoding="utf-8")))
    assert len(told) > 5
    assert told - set().union(*(figures(folder) for folder in PAGES[page])) == set()


def figures(folder):
    """All with an interval or a deviation: of the report, of the models beside, and of the plan's "20 mm and more"."""
    found = read_experiment(folder / "experiment.json")
    texts = [to_markdown(document(found)), *(cell for cells in large_tumors().rows(found) for cell in cells)]
    if (folder / "report.md").exists():
        texts.append((folder / "report.md").read_text(encoding="utf-8").split("## Table 1")[0])
    return set(FIGURE.findall("\n".join(texts)))


def large_tumors():
    spec = importlib.util.spec_from_file_location("large_tumors", EXPERIMENTS / "wider-and-longer" / "large_tumors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


JOURNALS = sorted(EXPERIMENTS.glob("*/training/**/*.jsonl"))


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: str(path.relative_to(EXPERIMENTS)))
def test_a_journal_holds_every_iteration_of_its_training(path):
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["iteration"] for line in lines] == list(range(lines[0]["started"]["config"]["iterations"]))


def test_the_journals_of_a_fold_are_of_one_part_of_the_cohort_and_those_of_folds_are_not():
    parts = {}
    for path in JOURNALS:
        if path.is_relative_to(EXPERIMENTS / "phantom"):
            started = json.loads(path.read_text(encoding="utf-8").partition("\n")[0])["started"]
            parts.setdefault(path.parent.name, {})[path.stem] = started["store_sha256"]
    assert [sorted(part) for part in parts.values()] == [["16", "32", "64"]] * 4
    assert all(len(set(part.values())) == 1 for part in parts.values())
    assert len({part["64"] for part in parts.values()}) == 4
