"""What the outputs of an nnU-Net mean to this project: which labels count as tumor, and which as pancreas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.network.nnunet_model import HeadLabels
from PDACScreeningLib.volume.anatomy import STRUCTURES_BY_NAME


@dataclass(frozen=True)
class LabelWish:
    """Names in `dataset.json` that count as tumor and as pancreas, as the user gave them.

    pancreas None: every label that is neither background nor tumor, for a network that only finds the place.
    anatomy: vessels and ducts, by the names of STRUCTURES_BY_NAME. may_miss: those that are not declared are left out.
    """

    tumor: tuple[str, ...] = ()
    pancreas: tuple[str, ...] | None = None
    anatomy: tuple[tuple[str, tuple[str, ...]], ...] = ()
    may_miss: bool = False


def label_wish(words: Sequence[str]) -> LabelWish:
    """Of `tumor=tumor pancreas=pancreas,"pancreatic duct"`. Raises UsageError when it cannot be understood."""
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        ours, separator, theirs = word.partition("=")
        names = tuple(name.strip().strip("\"'") for name in theirs.split(",") if name.strip())
        if not separator or ours not in ("tumor", "pancreas", *STRUCTURES_BY_NAME) or not names:
            raise UsageError(
                f'--labels {word} cannot be understood; give tumor=NAME and pancreas=NAME,"OTHER NAME" with the names '
                "of dataset.json"
            )
        found[ours] = (*found.get(ours, ()), *names)
    if not {"tumor", "pancreas"} <= set(found):
        raise UsageError(
            "--labels must say what is tumor and what is pancreas: without a pancreas no scan can honestly be called "
            "not suspicious"
        )
    anatomy = tuple((name, found[name]) for name in STRUCTURES_BY_NAME if name in found)
    return LabelWish(found["tumor"], found["pancreas"], anatomy)


def head_labels(dataset: dict[str, Any], wish: LabelWish) -> HeadLabels:
    """The outputs that `dataset.json` declares, with what they mean. Raises ValueError when it makes no sense."""
    declared = {str(name): _values(value) for name, value in dataset["labels"].items() if name != "ignore"}
    if declared.get("background") != (0,):
        raise ValueError("the labels have no background 0")
    regions = any(len(values) > 1 for values in declared.values())
    foreground = {name: values for name, values in declared.items() if set(values) != {0}}
    if regions:
        heads, values = list(foreground), _region_values(dataset, len(foreground))
    else:
        heads = sorted(declared, key=lambda name: declared[name])
        values = tuple(declared[name][0] for name in heads)
        if values != tuple(range(len(values))):
            raise ValueError(f"the labels are {values}, expected 0, 1, 2, ... without a gap")
    pancreas = wish.pancreas
    if pancreas is None:
        pancreas = tuple(name for name in foreground if name not in wish.tumor)
    anatomy = [
        (ours, [name for name in names if name in foreground or not wish.may_miss]) for ours, names in wish.anatomy
    ]
    for name in (*wish.tumor, *pancreas, *(name for _, names in anatomy for name in names)):
        if name not in foreground:
            raise ValueError(f"there is no label {name!r}; its labels are {', '.join(map(repr, foreground))}")
    return HeadLabels(
        regions=regions,
        values=values,
        tumor_values=_united(foreground, wish.tumor),
        pancreas_values=_united(foreground, pancreas),
        tumor_heads=tuple(heads.index(name) for name in wish.tumor),
        anatomy=tuple((ours, _united(foreground, names)) for ours, names in anatomy if names),
    )


def _values(value: Any) -> tuple[int, ...]:
    items = value if isinstance(value, list) else [value]
    if not items or any(isinstance(item, bool) or not isinstance(item, int | float) for item in items):
        raise ValueError(f"a label must be a whole number or a list of them, got {value!r}")
    return tuple(int(item) for item in items)


def _region_values(dataset: dict[str, Any], count: int) -> tuple[int, ...]:
    order = dataset.get("regions_class_order")
    if not isinstance(order, list) or len(order) != count:
        raise ValueError(f"regions_class_order must name one label for each of {count} regions")
    return tuple(_values(value)[0] for value in order)


def _united(foreground: dict[str, tuple[int, ...]], names: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted({value for name in names for value in foreground[name]}))
