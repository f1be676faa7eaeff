"""What the report says of the model's rule, of outcomes, of the scans' own grids, and of traits of the cases."""

from __future__ import annotations

from PDACScreeningLib.evaluation.document import Block, Paragraph, Section, Table
from PDACScreeningLib.evaluation.experiment import Experiment
from PDACScreeningLib.evaluation.outcome_figures import outcome_of
from PDACScreeningLib.outcome import Outcome


def rule_section(found: Experiment) -> Section:
    """What the rule of the model gives, and the same as the PanTS benchmark counts."""
    figures, row, rule = found.rule, found.benchmark, found.setting.decision
    words = f"from {k_text(found, rule.min_tumor_voxels)} on"
    if rule.min_score is not None:
        words = f"from a score of {rule.min_score:.3f} on"
    called = Table(
        f"A scan is called {words}",
        ("", "Called", "Called and overlapping", "Not called without a tumor"),
        (("all networks together", figures.sensitivity.text, figures.overlapping.text, figures.specificity.text),),
    )
    named = Table(
        "The same under the names of the PanTS benchmark",
        ("P-Sen", "T-Sen", "Spe", "AUC", "DSC"),
        (
            (
                row.patient_sensitivity.text,
                row.tumor_sensitivity.text,
                row.specificity.text,
                row.auc.text,
                row.tumor.text,
            ),
        ),
    )
    note = (
        "P-Sen: patients with a tumor that are called. T-Sen: tumors, one by one, that a region of at least one voxel "
        f"overlaps by {found.setting.reading.min_overlap:g} or more (intersection over union), whatever the rule says."
    )
    return Section("The model's rule", (called, named, Paragraph(note), *_native(found)))


def _native(found: Experiment) -> tuple[Block, ...]:
    if found.native is None:
        return (Paragraph("DSC on the scans' own grids: not known; the store keeps the working grid only."),)
    working, native = found.combined, found.native
    rows = tuple(
        (name, row.normal_pancreas.text, row.abnormal_pancreas.text, row.tumor.text)
        for name, row in (("working grid", working), ("the scans' own", native))
    )
    columns = ("Grid", "N. Pancreas", "A. Pancreas", "Tumor")
    return (Table("DSC of all networks together, by the grid it is measured on", columns, rows),)


def outcome_section(found: Experiment) -> Section:
    """What a reader is told, and why scans that are not called are not assessable."""
    title, told = "What a reader is told", found.outcomes
    if told is None:
        why = "Not known: readings of an earlier version. Delete the folder `cases` of this evaluation to read again."
        return Section(title, (Paragraph(why),))
    words = (
        "Table 1 counts a scan as called or not called. `screen` says of a scan that is not called that it is not "
        "assessable where something stands against a negative: little pancreas, a gland that leaves the scan, much "
        "tumor left out by the component rule, a scan unlike those of the training. A tumor that is told as not "
        "suspicious is a miss that nobody is warned of."
    )
    rows = tuple(
        (name, counts.suspicious.text, counts.not_suspicious.text, counts.indeterminate.text)
        for name, counts in (("with a tumor", told.with_tumor), ("without a tumor", told.without_tumor))
    )
    table = Table("Scans by outcome", ("", "Suspicious", "Not suspicious", "Not assessable"), rows)
    unsure = [one for one in found.cases if outcome_of(one, found.setting.decision) is Outcome.INDETERMINATE]
    reasons = tuple((one.case_id, "yes" if one.has_tumor else "no", one.doubt or "") for one in unsure)
    listed = Table(f"Not assessable ({len(unsure)})", ("Case", "Tumor", "Why"), reasons)
    return Section(title, (Paragraph(words), table, *((listed,) if unsure else ())))


def trait_section(found: Experiment) -> Section:
    """By what the data set tells of its cases; empty where it tells nothing."""
    rows = tuple(
        (one.trait, one.name, one.sensitivity.text, one.overlapping.text, one.tumor.text, one.specificity.text)
        for trait in dict.fromkeys(one.trait for one in found.trait_strata)
        for one in found.trait_strata
        if one.trait == trait
    )
    if not rows:
        return Section("By trait", (Paragraph("The data set tells no traits of its cases."),))
    columns = ("Trait", "Scale", "Called (K)", "Called and overlapping", "Tumor DSC", "Not called without a tumor")
    return Section("By trait", (Table("Contrast and confounders", columns, rows),))


def k_text(found: Experiment, k: int) -> str:
    """A number of voxels of the working grid, with its volume."""
    voxel_mm3 = found.setting.data.voxel_mm3
    digits = 0 if voxel_mm3 is None or k * voxel_mm3 >= 10 else 1
    volume = "" if voxel_mm3 is None else f" ({k * voxel_mm3:.{digits}f} mm3)"
    return f"{k} voxel{'' if k == 1 else 's'}{volume}"
