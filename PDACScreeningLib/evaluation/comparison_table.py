"""A comparison as one table for a paper: `comparison.csv`, and a section of the report."""

from __future__ import annotations

import csv
import io

from PDACScreeningLib.evaluation.comparison import ComparedModel, Comparison, PairedCalls
from PDACScreeningLib.evaluation.document import Paragraph, Section, Table
from PDACScreeningLib.evaluation.estimates import Estimate, Proportion
from PDACScreeningLib.quantity_words import rule_words

_FIGURES = ("sensitivity", "overlapping", "specificity")
_DIFFERENCES = ("sensitivity", "specificity", "auc", "tumor_dice", "pancreas_dice")


def comparison_csv(found: Comparison) -> str:
    """One line a model; columns that a model does not have are empty. Numbers are not rounded."""
    rows = [_csv_row(model) for model in found.models]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _csv_row(model: ComparedModel) -> dict[str, object]:
    row: dict[str, object] = {"model": model.name, "engine": model.engine, "rule": rule_words(model.rule)}
    for name in _FIGURES:
        share: Proportion = getattr(model, name)
        row |= {f"{name}_count": share.count, f"{name}_of": share.total, name: share.value}
        row |= {f"{name}_low": share.low, f"{name}_high": share.high}
    row |= {"auc": model.auc.value, "auc_low": model.auc.low, "auc_high": model.auc.high}
    for name, mean in (("tumor_dice", model.tumor_dice), ("pancreas_dice", model.pancreas_dice)):
        row |= {name: mean.mean, f"{name}_sd": mean.sd, f"{name}_cases": mean.count}
    if model.differences is not None:
        for name in _DIFFERENCES:
            change: Estimate = getattr(model.differences, name)
            row |= {f"{name}_difference": change.value}
            row |= {f"{name}_difference_low": change.low, f"{name}_difference_high": change.high}
        row |= {"mcnemar_p_with_tumor": model.differences.calls_with_tumor.p}
        row |= {"mcnemar_p_without": model.differences.calls_without.p}
    return row | {"weights_sha256": model.weights_sha256}


def comparison_section(found: Comparison) -> Section:
    """Models side by side, and their paired differences from the first."""
    first = found.models[0].name
    figures = Table(
        "Each model by its own rule",
        ("Model", "Called from", "Sensitivity", "Tumor overlapped", "Specificity", "AUC", "DSC tumor", "DSC pancreas"),
        tuple(_figures(model) for model in found.models),
    )
    differences = Table(
        f"Paired differences from {first}",
        ("Model", "Sensitivity", "Specificity", "AUC", "DSC tumor", "DSC pancreas", "Called by one only (p)"),
        tuple(_change(model) for model in found.models if model.differences is not None),
    )
    words = (
        f"The same {found.cases} scans of {found.patients} patients, read by every model. Differences are this model "
        f"minus {first}, in parentheses 95 % intervals by {found.bootstrap_samples} bootstrap samples of patients, the "
        "same patients for both. Calls that differ: exact McNemar test, with a tumor / without. Scans were read on the "
        "grid of the store: a model that works on another grid saw them resampled."
    )
    return Section("Models side by side", (Paragraph(words), figures, differences))


def _figures(model: ComparedModel) -> tuple[str, ...]:
    return (
        f"{model.name} ({model.engine})",
        rule_words(model.rule),
        model.sensitivity.text,
        model.overlapping.text,
        model.specificity.text,
        model.auc.text,
        model.tumor_dice.text,
        model.pancreas_dice.text,
    )


def _change(model: ComparedModel) -> tuple[str, ...]:
    changes = model.differences
    if changes is None:
        return (model.name,)
    calls = f"{_calls(changes.calls_with_tumor)} / {_calls(changes.calls_without)}"
    return (model.name, *(_signed(getattr(changes, name)) for name in _DIFFERENCES), calls)


def _signed(change: Estimate) -> str:
    """+0.050 (-0.020 to +0.120)."""
    if change.value is None or change.low is None or change.high is None:
        return "-"
    return f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})"


def _calls(calls: PairedCalls) -> str:
    if calls.p is None:
        return "none"
    return f"{calls.only_first} and {calls.only_this} (p = {calls.p:.3f})"
