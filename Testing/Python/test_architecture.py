"""Imports go down only, and nothing of Slicer or torch appears where it must not."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "PDACScreeningLib"

# A module may import its own rank's folder and everything of a lower rank. Equal ranks are strangers.
RANKS = {
    "errors": 1,
    "meaning": 1,
    "outcome": 1,
    "progress": 1,
    "seeding": 1,
    "plain_data": 1,
    "resources": 1,
    "config": 1,
    "worker_processes": 1,
    "digests": 1,
    "file_lock": 1,
    "strict_json": 1,
    "work_claim": 1,
    "array_errors": 1,
    "sqlite_file": 1,
    "atomic_file": 2,
    "volume": 3,
    "screening_result": 4,
    "training_range": 3.2,
    "protocol": 3.5,
    "structure_measures": 3.5,
    "network_evidence": 3.5,
    "model_facts": 3.5,
    "screening_json": 5,
    "quantity_words": 4.5,
    "network_labels": 4.5,
    "image_numbers": 4.5,
    "finding_regions": 5,
    "scan_files": 4,
    "phantom": 5,
    "datasets": 5,
    "report": 5,
    "network": 5,
    "inference": 6,
    "dicom": 6,
    "training": 7,
    "engines": 7,
    "session": 8,
    "child_run": 9,
    "node": 10,
    "mrml": 10,
    "evaluation": 10,
    "cohort": 10,
    "reading_room": 10.5,
    "terminal": 11,
    "commands": 12,
    "__main__": 13,
    "__init__": 13,
}
NEEDS_TORCH = {"network", "training", "engines"}
SLICER_ONLY = {"slicer", "vtk", "qt", "ctk", "mrml"}
SEES_SLICER = {"mrml": {"slicer", "vtk"}}
MRML_SEES = {
    "config",
    "errors",
    "digests",
    "plain_data",
    "strict_json",
    "resources",
    "atomic_file",
    "volume",
    "scan_files",
    "screening_result",
    "protocol",
    "screening_json",
    "outcome",
    "quantity_words",
    "network_labels",
    "image_numbers",
    "report",
    "child_run",
}


def modules() -> list[Path]:
    return sorted(LIBRARY.rglob("*.py"))


def part_of(path: Path) -> str:
    inside = path.relative_to(LIBRARY)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imports_of(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return found


def test_the_picture_of_the_architecture_shows_the_rooms_where_they_are():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    floors = re.findall(r"^ *([\d.]+) {2,}([^#\n]*)", page.split("## One scan's way")[0], re.MULTILINE)
    drawn = {room: float(floor) for floor, rooms in floors for room in rooms.split() if room in RANKS}
    assert drawn == RANKS


def test_every_folder_of_the_library_has_a_rank():
    assert {part_of(path) for path in modules()} == set(RANKS)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_imports_point_down(path):
    own = part_of(path)
    for name in imports_of(path):
        if name.startswith("PDACScreeningLib."):
            other = name.split(".")[1]
            assert other == own or RANKS[other] < RANKS[own], f"{path.name} ({own}) imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_no_slicer_below_its_own_folders(path):
    foreign = {name.split(".")[0] for name in imports_of(path)} & SLICER_ONLY
    assert foreign <= SEES_SLICER.get(part_of(path), set())


def test_nodes_see_values_and_the_scoring_of_edited_segments_but_no_networks():
    seen = {
        name
        for path in (LIBRARY / "mrml").glob("*.py")
        for name in imports_of(path)
        if name.startswith("PDACScreeningLib.")
    }
    outside = {name for name in seen if name.split(".")[1] not in MRML_SEES | {"mrml"}}
    session = ("answer", "dicom_results", "result_folder", "stored_result", "model", "work_order")
    allowed = {"inference", "inference.rescoring", *(f"session.{name}" for name in session)}
    assert outside <= {f"PDACScreeningLib.{name}" for name in allowed}


def test_no_imports_go_in_circles():
    """Also those that only a type checker follows."""
    folders = {ROOT: modules(), ROOT / "PDACScreening": sorted((ROOT / "PDACScreening").rglob("*.py"))}
    names = {
        ".".join(path.relative_to(root).with_suffix("").parts): path
        for root, paths in folders.items()
        for path in paths
    }
    order = TopologicalSorter({name: set(imports_of(path)) & names.keys() for name, path in names.items()})
    assert set(order.static_order()) == names.keys()


def test_what_slicer_imports_brings_no_torch():
    panel = {name for path in (ROOT / "PDACScreening").rglob("*.py") for name in imports_of(path)}
    library = sorted(name for name in panel if name.startswith("PDACScreeningLib.") and ".mrml" not in name)
    code = f"import sys, {', '.join(library)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_torch_is_imported_by_the_networks_and_by_what_runs_them():
    with_torch = {part_of(path) for path in modules() if any(n.split(".")[0] == "torch" for n in imports_of(path))}
    assert with_torch <= NEEDS_TORCH | {"session"}  # where the machine is looked at and its GPU is tried


def test_result_and_report_load_without_torch():
    code = (
        "import sys, PDACScreeningLib, PDACScreeningLib.screening_result, PDACScreeningLib.phantom.generator, "
        "PDACScreeningLib.report.screening_report, PDACScreeningLib.scan_files.image_io, "
        "PDACScreeningLib.inference.rescoring; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_config_needs_the_standard_library_only():
    outside = {name.split(".")[0] for name in imports_of(LIBRARY / "config.py")} - set(sys.stdlib_module_names)
    assert not outside


def test_no_file_of_library_and_panel_is_longer_than_three_hundred_lines():
    panel = (
        path for path in (ROOT / "PDACScreening").rglob("*.py") if path.name != "library_sentences.py"
    )  # generated
    files = [*modules(), *panel]
    long = {str(p.relative_to(ROOT)): n for p in files if (n := len(p.read_text(encoding="utf-8").splitlines())) > 300}
    assert not long


def test_every_folder_of_the_library_is_installed_and_the_resources_with_it():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in LIBRARY.rglob("__init__.py")}
    assert set(setuptools["packages"]) == folders | {"PDACScreeningLib.Resources"}
    assert setuptools["package-dir"] == {"PDACScreeningLib.Resources": "Resources"}
