"""How many files has somebody to visit who adds an option, a field, a data set, a control, or changes a rule?

    python Testing/Architecture/places_to_visit.py

For each kind of change one example that exists is looked up: the files whose code types its name. Code is read as a
syntax tree, so a comment, a docstring or a help text does not count. Exit code 1 when a limit is exceeded.
Testing/Python/test_places_to_visit.py runs the same.
"""

from __future__ import annotations

import ast
import json
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY, PANEL = "PDACScreeningLib", "PDACScreening"
OPTION, RESULT_OF_OPTION = "protocol", "Protocol"  # `Screening.protocol: Protocol` tells what ran; it is no option
COMMAND_LINE = ("config.py", "terminal", "commands/screen.py", "session", "inference")
PANEL_LIBRARY = ("child_run", "mrml", "session")
CONTROL = "protocolSelector"
FIELD, SHOWN_IN = "centroid_lps_mm", (f"{LIBRARY}/report/", f"{PANEL}/")
DATA_SET = "nih_pancreas_ct"
RULE = "min_fraction"

Trees = dict[str, ast.Module]  # by the path of the file from the root


@dataclass(frozen=True)
class Measure:
    """One kind of change: how many files it may touch, and which ones its example touches."""

    change: str
    example: str
    limit: int
    places: Callable[[Path], list[str]]  # of the project that lies in a folder


def trees(root: Path, *places: str) -> Trees:
    """The syntax trees of files, and of all Python files below folders, that are there."""
    files = {root / place for place in places if place.endswith(".py")}
    files |= {path for place in places for path in (root / place).rglob("*.py")}
    found = sorted(path for path in files if path.is_file())
    return {path.relative_to(root).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in found}


def names_typed(tree: ast.AST) -> Iterator[str]:
    """Every identifier of a tree: names, attributes, parameters, keywords, definitions and parts of imports."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name):
                yield from name.split(".")
            case ast.ImportFrom(module=str(name)):
                yield from name.split(".")


def files_that_type(found: Trees, name: str) -> list[str]:
    """The files in whose code an identifier stands, and the module of that name itself."""
    return [path for path, tree in found.items() if name in names_typed(tree) or Path(path).stem == name]


def _declares(node: ast.AST, option: str) -> bool:
    """Whether a parameter or a field of a class has the option's name, and is not what the result tells of it."""
    match node:
        case ast.arg(arg=name, annotation=annotation):
            pass
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
            pass
        case _:
            return False
    types = set() if annotation is None else set(names_typed(annotation))
    return name == option and RESULT_OF_OPTION not in types


def _takers(found: Trees, option: str) -> set[str]:
    """Names of the functions and classes that have the option as parameter or field."""
    return {
        definition.name
        for tree in found.values()
        for definition in ast.walk(tree)
        if isinstance(definition, ast.FunctionDef | ast.ClassDef)
        and any(_declares(node, option) for node in ast.walk(definition))
    }


def _hands_on(node: ast.AST, option: str, takers: set[str]) -> bool:
    """Whether a call gives the option by its name to something that has it."""
    if not isinstance(node, ast.Call) or option not in [keyword.arg for keyword in node.keywords]:
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return called in takers


def files_of_option(found: Trees, option: str) -> list[str]:
    """The files that name an option: where it is typed on the command line, declared, or handed on by its name."""
    takers = _takers(found, option)

    def names_it(node: ast.AST) -> bool:
        is_flag = isinstance(node, ast.Constant) and node.value == f"--{option}"
        return is_flag or _declares(node, option) or _hands_on(node, option, takers)

    return [path for path, tree in found.items() if any(names_it(node) for node in ast.walk(tree))]


def option_places(root: Path) -> list[str]:
    """From the command line to the line of the inference that acts on the option."""
    return files_of_option(trees(root, *(f"{LIBRARY}/{place}" for place in COMMAND_LINE)), OPTION)


def control_places(root: Path) -> list[str]:
    """From the form of the panel to the request that a session gets."""
    forms = [path for path in (root / "Resources" / "UI").glob("*.ui") if _holds_control(path)]
    way = trees(root, PANEL, *(f"{LIBRARY}/{place}" for place in PANEL_LIBRARY))
    typed = {*files_that_type(way, CONTROL), *files_of_option(way, OPTION)}
    return [path.relative_to(root).as_posix() for path in forms] + sorted(typed)


def _holds_control(form: Path) -> bool:
    return any(widget.get("name") == CONTROL for widget in ElementTree.parse(form).iter("widget"))


def field_places(root: Path) -> list[str]:
    """Where a field of a finding is defined and computed; not where it is only shown."""
    typed = files_that_type(trees(root, LIBRARY, PANEL), FIELD)
    return [path for path in typed if not path.startswith(SHOWN_IN)]


def data_set_places(root: Path) -> list[str]:
    """Where a data set is read and where it is registered."""
    return files_that_type(trees(root, LIBRARY, PANEL), DATA_SET)


def rule_places(root: Path) -> list[str]:
    """Where the post-processing rule has its number: definition, use and wherever it is told."""
    return files_that_type(trees(root, LIBRARY, PANEL), RULE)


def import_lines(root: Path) -> list[str]:
    """The import lines of the example notebook."""
    notebook = json.loads((root / "examples" / "screen_a_scan.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    statements = [node for cell in cells for node in ast.walk(ast.parse(cell))]
    return [ast.unparse(node) for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]


MEASURES = (
    Measure("an option of `screen` that reaches inference", OPTION, 4, option_places),
    Measure("a field of a finding, and wherever it is shown", FIELD, 2, field_places),
    Measure("a data set", DATA_SET, 2, data_set_places),
    Measure("a control of the panel", CONTROL, 3, control_places),
    Measure("the post-processing rule", RULE, 4, rule_places),
    Measure("import lines of a notebook", "screen_a_scan.ipynb", 1, import_lines),
)


def main() -> int:
    """Print every measure with its places; 1 when one has more places than it may have."""
    exceeded = 0
    for measure in MEASURES:
        places = measure.places(ROOT)
        verdict = "" if len(places) <= measure.limit else "  <- too many"
        exceeded += len(places) > measure.limit
        sys.stdout.write(f"{len(places)} of {measure.limit}  {measure.change} ({measure.example}){verdict}\n")
        sys.stdout.writelines(f"        {place}\n" for place in places)
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
