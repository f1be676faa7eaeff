"""examples/screen_a_scan.ipynb runs from top to bottom, and shows a report.

The cells are executed here, in one namespace and in order, without a Jupyter kernel: a kernel brings some thirty
packages and opens ports. What a kernel adds is the display, so the answer itself is asked for what it would show.
"""

import ast
import json
from pathlib import Path

import pytest

from PDACScreeningLib.__main__ import main

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "screen_a_scan.ipynb"
PHANTOM = ["phantom", "--seed", "1", "--tumor-diameter-mm", "30"]  # what `make demo` screens


def cells(kind):
    return [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def sources():
    return {cell["id"]: "".join(cell["source"]) for cell in cells("code")}


def run_cell(source, namespace):
    """What a notebook would show under the cell: the value of its last line, if that is an expression."""
    tree = ast.parse(source)
    shown = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(NOTEBOOK), "exec"), namespace)
    return None if shown is None else eval(compile(ast.Expression(shown.value), str(NOTEBOOK), "eval"), namespace)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What each cell shows, by its id, after a run from top to bottom beside the phantom of `make demo`."""
    root = tmp_path_factory.mktemp("project")
    (root / "examples").mkdir()
    assert main([*PHANTOM, "--output", str(root / "demo" / "phantom-tumor")]) == 0
    namespace = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root / "examples")
        return {name: run_cell(source, namespace) for name, source in sources().items()}


def test_the_notebook_is_one_that_any_viewer_opens():
    content = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])


def test_the_notebook_holds_no_output_that_could_be_out_of_date():
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells("code"))


def test_one_line_imports_all_that_the_notebook_needs():
    imports = [
        ast.unparse(statement)
        for source in sources().values()
        for statement in ast.walk(ast.parse(source))
        if isinstance(statement, ast.Import | ast.ImportFrom)
    ]
    assert imports == ["import PDACScreeningLib as pdac"]


@pytest.mark.slow
def test_the_answer_is_shown_as_its_report(shown):
    page = shown["screen"]._repr_html_()
    assert page.startswith("<iframe")
    assert "Suspicious region found" in page


@pytest.mark.slow
def test_the_answer_of_the_phantom_with_a_tumor_is_suspicious_and_without_its_labels_not(shown):
    outcome, _, score, protocol = shown["outcome"]
    assert (outcome, protocol) == ("SUSPICIOUS", "fast")
    assert 0 < score < 1
    assert shown["score"][0] == "NOT_SUSPICIOUS"


@pytest.mark.slow
def test_a_saved_answer_is_read_back_the_same(shown):
    same_findings, files = shown["save"]
    assert same_findings
    assert set(files) == {"labels.seg.nrrd", "tumor_probability.nrrd", "network_labels.nrrd", "report.html"}
