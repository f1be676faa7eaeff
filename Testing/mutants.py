"""How many small errors in the method's code do its tests notice? One error at a time, in a copy of the project.

    python Testing/mutants.py                     the fixed sample of 300 (seed 2019), hours on two cores
    python Testing/mutants.py --first 40          the first 40 of them
    python Testing/mutants.py --only working_grid those of one module

An error is a comparison, sum, product, number, `not`, `and`/`or` or min/max that was exchanged. It is noticed when a
test fails that imports the module, slow ones left out. Survivors are printed as module:line and what was exchanged.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TypeGuard

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = "PDACScreeningLib"
PARTS = (
    *("inference/*.py", "volume/orientation.py", "volume/working_grid.py", "scan_files/slice_stack.py"),
    *("training/step.py", "training/learner.py", "training/trainer.py", "training/patch_sampling.py", "network/*.py"),
)
SEED, SAMPLE, LIMIT_S = 2019, 300, 600
_COMPARED = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In},
}
_COMPUTED = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
    **{ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult, ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd},
}
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any", "argmin": "argmax", "argmax": "argmin"}


@dataclass(frozen=True)
class Mutant:
    """One error: the module, the line and what is exchanged there."""

    module: str  # inside the library
    index: int  # of the place in the module's tree
    line: int
    change: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.change}"


def mutants_of(module: str) -> list[Mutant]:
    """Every error that can be made in a module, in the order of its tree."""
    tree = ast.parse((ROOT / LIBRARY / module).read_text(encoding="utf-8"))
    return [Mutant(module, index, line, change) for index, line, change in _changes(tree)]


def _changes(tree: ast.Module, apply: int | None = None) -> list[tuple[int, int, str]]:
    """The places of a tree where an error can be made; the one of index `apply` is made."""
    found: list[tuple[int, int, str]] = []
    for node in _code(tree):
        before = ast.unparse(node)
        change = _exchanged(node)
        if change is None:
            continue
        index = len(found)
        field, old, new = change
        setattr(node, field, new)
        found.append((index, getattr(node, "lineno", 0), f"{before}  ->  {ast.unparse(node)}"))
        if index != apply:
            setattr(node, field, old)
    return found


def _code(tree: ast.Module) -> list[ast.AST]:
    """Nodes that are computed: no annotations, no texts, nothing that only types are made of."""
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        for name in ("annotation", "returns")
        if isinstance(outer := getattr(node, name, None), ast.AST)
        for inner in ast.walk(outer)
    }
    texts = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for inner in ast.walk(node)}
    aliases = {
        id(inner)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp)
        for inner in ast.walk(node.value)
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.BitOr)
    }
    return [node for node in ast.walk(tree) if id(node) not in skipped | texts | aliases]


def _exchanged(node: ast.AST) -> tuple[str, object, object] | None:
    """The field of a node to exchange, what it holds and what it gets; None where there is no error to make."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        return "ops", node.ops, [_COMPARED[type(node.ops[0])](), *node.ops[1:]]
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _COMPUTED:
        return "op", node.op, _COMPUTED[type(node.op)]()
    if isinstance(node, ast.BoolOp):
        return "op", node.op, ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return "op", node.op, ast.UAdd()
    if (
        isinstance(node, ast.If | ast.IfExp)
        and isinstance(node.test, ast.UnaryOp)
        and isinstance(node.test.op, ast.Not)
    ):
        return "test", node.test, node.test.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return "value", node.value, not node.value
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return "value", node.value, node.value + 1 if isinstance(node.value, int) else 2 * node.value or 1.0
    if isinstance(node, ast.Name) and node.id in _SWAPPED:
        return "id", node.id, _SWAPPED[node.id]
    if isinstance(node, ast.Attribute) and node.attr in _SWAPPED:
        return "attr", node.attr, _SWAPPED[node.attr]
    return None


def _is_not(test: ast.expr) -> TypeGuard[ast.UnaryOp]:
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def tests_of(module: str) -> list[str]:
    """The test files of a module: that of its name, then those that import it, else those that import its users."""
    files = sorted((ROOT / "Testing" / "Python").glob("test_*.py"))
    tests = {path.name: path.read_text(encoding="utf-8") for path in files}
    found = [name for name in (f"test_{Path(module).stem}.py",) if name in tests]
    found += [name for name, text in tests.items() if _imports(text, module)]
    if not found:
        library = {str(path.relative_to(ROOT / LIBRARY)): path for path in (ROOT / LIBRARY).rglob("*.py")}
        users = [name for name, path in library.items() if _imports(path.read_text(encoding="utf-8"), module)]
        found = [name for name, text in tests.items() if any(_imports(text, user) for user in users)]
    return [f"Testing/Python/{name}" for name in dict.fromkeys(found)]


def _imports(text: str, module: str) -> bool:
    return f"{LIBRARY}.{module.removesuffix('.py').replace('/', '.')} import" in text


def verdict(mutant: Mutant, copy: Path) -> str:
    """ "killed", "killed (time)" or "survived", after the tests of the module ran in a copy that has the error."""
    target, source = copy / LIBRARY / mutant.module, ROOT / LIBRARY / mutant.module
    tree = ast.parse(source.read_text(encoding="utf-8"))
    _changes(tree, apply=mutant.index)
    target.write_text(ast.unparse(tree), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        *tests_of(mutant.module),
    ]
    try:
        ended = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return "killed (time)"
    finally:
        shutil.copyfile(source, target)
    return "survived" if ended.returncode in (0, 5) else "killed"


def sample(only: str) -> list[Mutant]:
    """The fixed sample, in its order; with `only`, all errors of the modules of that name."""
    modules = sorted({str(path.relative_to(ROOT / LIBRARY)) for part in PARTS for path in (ROOT / LIBRARY).glob(part)})
    everything = [mutant for module in modules for mutant in mutants_of(module) if only in module]
    return everything if only else random.Random(SEED).sample(everything, SAMPLE)


def main() -> int:
    """Try the sample with as many copies as there are cores; print each verdict and the share that was noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=None)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    tried = sample(arguments.only)[: arguments.first]
    survivors, began = [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(arguments.jobs):
            copy = Path(folder) / str(number)
            shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", "demo", "shared"))
            copies.put(copy)

        def tell(mutant: Mutant) -> None:
            copy = copies.get()
            found = verdict(mutant, copy)
            copies.put(copy)
            survivors.extend([mutant] if found == "survived" else [])
            sys.stdout.write(f"{found}: {mutant}\n")
            sys.stdout.flush()

        list(pool.map(tell, tried))
    killed = len(tried) - len(survivors)
    sys.stdout.write(f"{killed} of {len(tried)} noticed, {time.monotonic() - began:.0f} s; survivors:\n")
    sys.stdout.writelines(f"  {mutant}\n" for mutant in survivors)
    return 0


if __name__ == "__main__":
    sys.exit(main())
