"""The files that describe the Slicer extension: complete, and saying the same."""

import ast
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NAME = "PDACScreening"
WRITE_THE_LISTS = "run .ci/list_shipped_files.py"


def cmake_text(folder="."):
    return (ROOT / folder / "CMakeLists.txt").read_text(encoding="utf-8")


def cmake_list(name, folder="."):
    body = re.search(rf"set\({name}\n(.*?)\n  \)", cmake_text(folder), re.DOTALL)
    return [line.strip() for line in body.group(1).splitlines()]


def cmake_value(name):
    return re.search(rf'set\({name} "(.*)"\)', cmake_text()).group(1)


def s4ext():
    lines = (ROOT / f"{NAME}.s4ext").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def catalog_entry():
    return json.loads((ROOT / f"{NAME}.json").read_text(encoding="utf-8"))


def tree(folder, suffixes=None):
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(str(path.relative_to(ROOT)) for path in files if suffixes is None or path.suffix in suffixes)


def sources():
    return [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / NAME).rglob("*.py")]


def ui():
    return ElementTree.parse(ROOT / "Resources" / "UI" / f"{NAME}.ui").getroot()


def test_every_file_of_the_library_is_shipped():
    assert cmake_list("PDACScreeningLib_SCRIPTS") == tree("PDACScreeningLib", {".py"}), WRITE_THE_LISTS


def test_every_resource_is_shipped():
    assert cmake_list("PDACScreeningLib_RESOURCES") == tree("Resources"), WRITE_THE_LISTS


def test_every_file_of_the_module_is_shipped():
    listed = cmake_list("MODULE_PYTHON_SCRIPTS", NAME)
    assert [f"{NAME}/{name}" for name in listed] == tree(NAME, {".py"})


def test_the_module_folder_itself_holds_one_script_because_slicer_loads_each_as_a_module():
    assert [path.name for path in (ROOT / NAME).glob("*.py")] == [f"{NAME}.py"]


@pytest.mark.parametrize(
    ("key", "variable"),
    [
        ("homepage", "EXTENSION_HOMEPAGE"),
        ("category", "EXTENSION_CATEGORY"),
        ("contributors", "EXTENSION_CONTRIBUTORS"),
        ("description", "EXTENSION_DESCRIPTION"),
        ("iconurl", "EXTENSION_ICONURL"),
        ("screenshoturls", "EXTENSION_SCREENSHOTURLS"),
        ("depends", "EXTENSION_DEPENDS"),
        ("build_subdirectory", "EXTENSION_BUILD_SUBDIRECTORY"),
    ],
)
def test_s4ext_and_cmake_say_the_same(key, variable):
    assert s4ext()[key] == cmake_value(variable)


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("category", "category"),
        ("scm_url", "scmurl"),
        ("scm_revision", "scmrevision"),
        ("build_subdirectory", "build_subdirectory"),
    ],
)
def test_the_catalog_entry_and_s4ext_say_the_same(key, other):
    assert catalog_entry()[key] == s4ext()[other]


def test_the_catalog_entry_builds_after_what_the_extension_depends_on():
    assert catalog_entry()["build_dependencies"] == s4ext()["depends"].split()


@pytest.mark.parametrize("key", ["iconurl", "screenshoturls"])
def test_pictures_of_the_catalog_are_in_the_tree(key):
    for url in s4ext()[key].split():
        assert (ROOT / url.split("/main/", 1)[1]).is_file(), url


def test_the_icon_is_a_square_of_128_pixels_with_its_source():
    icons = ROOT / "Resources" / "Icons"
    with Image.open(icons / f"{NAME}.png") as icon:
        assert icon.size == (128, 128)
    assert (icons / f"{NAME}.svg").is_file()


def test_every_custom_widget_of_the_panel_is_declared():
    declared = {widget.findtext("class") for widget in ui().iter("customwidget")}
    used = {widget.get("class") for widget in ui().iter("widget")}
    assert {name for name in used if name.startswith(("qMRML", "ctk"))} == declared


def test_the_names_that_scripts_rely_on_are_in_the_panel():
    names = {widget.get("name") for widget in ui().iter("widget")}
    assert names >= {
        "inputSelector",
        "screenButton",
        "cancelButton",
        "progressBar",
        "verdictLabel",
        "bannerLineLabel",
        "detailsLabel",
        "findingsTable",
        "rescoreButton",
        "segmentEditorWidget",
    }


def test_everything_a_person_presses_or_chooses_tells_what_it_does():
    kinds = {"QPushButton", "QToolButton", "QComboBox", "QSlider", "qMRMLNodeComboBox", "QTableWidget"}
    written_in_code = {"screenButton", "rescoreButton"}  # their tool tip says why they are off
    silent = [
        widget.get("name")
        for widget in ui().iter("widget")
        if widget.get("class") in kinds
        and widget.get("name") not in written_in_code
        and not any(item.get("name") == "toolTip" for item in widget.findall("property"))
    ]
    assert silent == []


def test_the_module_reads_only_widgets_that_the_panel_has():
    names = {widget.get("name") for widget in ui().iter("widget")}
    read = {
        node.attr
        for source in sources()
        for node in ast.walk(source)
        if isinstance(node, ast.Attribute) and "ui" in (getattr(node.value, "attr", ""), getattr(node.value, "id", ""))
    }
    assert read
    assert read <= names


def test_the_module_imports_its_library_and_slicer_and_nothing_else():
    everywhere = [node for source in sources() for node in ast.walk(source)]
    names = {alias.name.split(".")[0] for node in everywhere if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module.split(".")[0] for node in everywhere if isinstance(node, ast.ImportFrom)}
    ours = {"PDACScreening", "PDACScreeningLib", "PDACScreeningPanel"}
    of_slicer = {"qt", "slicer", "vtk", "SampleData", "PyTorchUtils"}
    assert names - set(sys.stdlib_module_names) <= ours | of_slicer


def test_the_entry_for_the_index_names_the_schema_where_it_lies_and_nothing_the_schema_forbids():
    """What the description check of the index asks for, without a network: schema v1.0.1 of Slicer/Slicer."""
    entry = json.loads((ROOT / f"{NAME}.json").read_text(encoding="utf-8"))
    place = "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/"
    assert entry["$schema"] == f"{place}slicer-extension-catalog-entry-schema-v1.0.1.json#"
    required = {"$schema", "category", "scm_url"}
    optional = {"scm_revision", "scm_type", "build_dependencies", "dicom_support_rule", "build_subdirectory"}
    assert required <= set(entry) <= required | optional | {"enabled", "tier"}
    assert entry["scm_url"].startswith("https://github.com/")
    assert entry["scm_url"].endswith(f"/Slicer{NAME}.git")
    assert entry["tier"] in range(1, 6)
    assert not NAME.startswith("Slicer")


def test_the_walk_through_the_panel_ends_slicer_by_slicers_own_way():
    """With --testing Slicer turns every sys.exit into 1: the code of success and of "skipped" would be lost."""
    text = (ROOT / "Testing" / "Slicer" / "panel_walkthrough.py").read_text(encoding="utf-8")
    assert "slicer.util.exit(main())" in text
    assert "sys.exit(" not in text


def test_the_description_says_what_is_known_of_patents_as_the_index_asks():
    assert "patent" in s4ext()["description"]
