"""Small errors that can be made in a module of the library, and the fixed sample of them."""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "PDACScreeningLib"
PARTS = (
    *("inference/*.py", "volume/orientation.py", "volume/working_grid.py"),
    *("scan_files/slice_stack.py", "scan_files/slice_distances.py"),
    *("training/step.py", "training/learner.py", "training/trainer.py", "training/patch_sampling.py", "network/*.py"),
)
SEED, SAMPLE = 2019, 300
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
class SmallError:
    """One error: the module, where in it, and what is exchanged there."""

    module: str  # inside the library
    index: int  # of the place in the module's tree
    first_line: int
    last_line: int
    change: str

    def __str__(self) -> str:
        return f"{self.module}:{self.first_line} {self.change}"


def modules() -> list[str]:
    """The modules of the method, by their paths inside the library."""
    return sorted({str(path.relative_to(ROOT / LIBRARY)) for part in PARTS for path in (ROOT / LIBRARY).glob(part)})


def errors_of(module: str) -> list[SmallError]:
    """Every error that can be made in a module, in the order of its tree."""
    tree = ast.parse((ROOT / LIBRARY / module).read_text(encoding="utf-8"))
    return _changes(tree, module)


def spoiled(error: SmallError) -> str:
    """The source of the module with the error in it."""
    tree = ast.parse((ROOT / LIBRARY / error.module).read_text(encoding="utf-8"))
    _changes(tree, error.module, apply=error.index)
    return ast.unparse(tree)


def sample(only: str = "") -> list[SmallError]:
    """The fixed sample, in its order; with `only`, all errors of the modules whose path holds that.

    An error's place in the order is a digest of the seed, its module and its words, so that a change of the code
    elsewhere moves nothing.
    """
    everything = [error for module in modules() for error in errors_of(module) if only in module]
    if only:
        return everything
    seen: Counter[str] = Counter()
    order = {}
    for error in everything:
        words = f"{SEED} {error.module} {error.change}"
        seen[words] += 1
        order[error] = hashlib.sha256(f"{words} {seen[words]}".encode()).hexdigest()
    return sorted(everything, key=order.__getitem__)[:SAMPLE]


def _changes(tree: ast.Module, module: str, apply: int | None = None) -> list[SmallError]:
    """The places of a tree where an error can be made; the one of index `apply` is made."""
    found: list[SmallError] = []
    for node in _code(tree):
        before = ast.unparse(node)
        change = _exchanged(node)
        if change is None:
            continue
        index = len(found)
        field, old, new = change
        setattr(node, field, new)
        first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
        if isinstance(node, ast.If):
            last = node.test.end_lineno or first
        found.append(
            SmallError(module, index, first, last, f"{before.splitlines()[0]}  ->  {ast.unparse(node).splitlines()[0]}")
        )
        if index != apply:
            setattr(node, field, old)
    return found


def _code(tree: ast.Module) -> list[ast.AST]:
    """Nodes that are computed: no annotations, no texts, nothing that only types are made of, and two kinds of flags.

    `@dataclass(frozen=True)` keeps programmers from assigning, `zip(strict=True)` from lengths that are equal anyway:
    no scan is answered otherwise without them.
    """
    skipped: set[int] = set()
    for node in ast.walk(tree):
        outer = [getattr(node, name, None) for name in ("annotation", "returns")]
        outer += getattr(node, "decorator_list", [])
        outer += [node] if isinstance(node, ast.JoinedStr) else []
        outer += [node.value] if isinstance(node, ast.keyword) and node.arg == "strict" else []
        skipped |= {id(inner) for one in outer if isinstance(one, ast.AST) for inner in ast.walk(one)}
    for node in tree.body:  # names of types
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp):
            skipped |= {id(n) for n in ast.walk(node.value) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.BitOr)}
    return [node for node in ast.walk(tree) if id(node) not in skipped]


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
