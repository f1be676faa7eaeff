"""The whole report of an experiment: what the numbers are worth first, where they come from last."""

from __future__ import annotations

from collections.abc import Sequence

from PDACScreeningLib.evaluation import report_sections as sections
from PDACScreeningLib.evaluation import rule_sections
from PDACScreeningLib.evaluation.claim import claim_section
from PDACScreeningLib.evaluation.document import Block, Document, Paragraph, Picture, Section, Table
from PDACScreeningLib.evaluation.experiment import Experiment, ModelFact


def document(found: Experiment, gallery: Sequence[Picture] = (), beside: Sequence[Section] = ()) -> Document:
    """gallery: pictures of misses and false alarms, relative to the experiment's folder. beside: of other models."""
    names = ", ".join(dict.fromkeys(model.name for model in found.setting.models))
    notices = dict.fromkeys([found.notice, *(model.notice for model in found.setting.models if model.notice)])
    return Document(
        f"Evaluation of {names}",
        tuple(notices),
        (
            worth_section(found),
            *beside,
            sections.table1_section(found),
            rule_sections.rule_section(found),
            rule_sections.outcome_section(found),
            sections.size_section(found),
            rule_sections.trait_section(found),
            sections.roc_section(found),
            sections.k_section(found),
            sections.ablation_section(found),
            sections.detection_section(found),
            sections.surface_section(found),
            sections.calibration_section(found),
            sections.predictive_section(found),
            sections.errors_section(found, gallery),
            claim_section(found),
            source_section(found),
        ),
    )


def summary(found: Experiment, beside: Sequence[Section] = ()) -> Document:
    """The first page of the report, for the terminal and for table1.md."""
    return Document(
        f"Evaluation of {', '.join(dict.fromkeys(model.name for model in found.setting.models))}",
        (found.notice,),
        (worth_section(found), *beside, sections.table1_section(found), *_first_page(found)),
    )


def worth_section(found: Experiment) -> Section:
    """What a reader must know before the first number."""
    counts, data = found.counts, found.setting.data
    paragraphs: list[Block] = []
    if data.is_synthetic:
        paragraphs.append(
            Paragraph(
                "Synthetic phantoms only. The figures show that the method and the software work on images of the "
                "kind the models were trained for. They say nothing about patients.",
                is_warning=True,
            )
        )
    paragraphs += [
        Paragraph(
            f"{counts.readings} readings of {counts.patients} patients ({data.source.rstrip('.')}): "
            f"{counts.with_tumor} with a tumor, {counts.without_tumor} without."
        ),
        Paragraph(_who_read(found)),
        *(Paragraph(text, is_warning=True) for text in _unseen(found)),
        Paragraph(
            "In parentheses 95 % intervals: Wilson for proportions, bootstrap over patients "
            f"({found.setting.statistics.bootstrap_samples} samples) for areas and average precision. One training of "
            "each network with one seed: the intervals do not hold what another training would change. Everything is "
            f"measured on the working grid. {_not_involved(found)}"
        ),
    ]
    return Section("What these numbers are worth", tuple(paragraphs))


def source_section(found: Experiment) -> Section:
    """Data, models, command and software, to the digest."""
    setting, data = found.setting, found.setting.data
    models = [
        (
            model.name,
            "-" if model.fold is None else str(model.fold),
            model.trained_on,
            {True: "yes", False: "no", None: "cannot be told"}[model.trained_on_others],
            model.weights_sha256,
        )
        for model in setting.models
    ]
    facts = [
        ("Command", setting.command),
        ("Cases", f"{data.source}; SHA-256 {data.sha256}"),
        ("Working grid", "native" if data.working_spacing_mm is None else f"{data.working_spacing_mm:g} mm"),
        ("Split", "none" if data.split_sha256 is None else f"{data.folds} folds; SHA-256 {data.split_sha256}"),
        ("Protocol", f"{setting.reading.protocol} (exact: every window of the paper)"),
        ("Device", f"{setting.device}, {setting.precision}"),
        *setting.software.items(),
    ]
    columns = ("Model", "Fold", "Trained on", "Never saw what it read", "Weights (SHA-256)")
    return Section(
        "Where these numbers come from",
        (
            Table("Models", columns, tuple(models)),
            Table("Data and software", ("", "What"), tuple(facts)),
        ),
    )


def _who_read(found: Experiment) -> str:
    setting = found.setting
    if not setting.data.folds:
        return "One model read every case."
    if setting.data.folds == 1:
        return "One model read the testing part of a split by patient."
    normals = {
        "rotation": "patients that every fold may test were given to the folds in rotation, so that each counts once",
        "every-fold": "patients that every fold may test were read by every fold, so that their readings are not "
        "independent: Wilson intervals of the specificity are too narrow",
    }[setting.statistics.normals]
    if not all(model.trained_on_others for model in setting.models):
        return (
            f"{setting.data.folds} models, one for each fold of a split by patient: patients of a fold were given to "
            f"the model of that fold; {normals}."
        )
    return (
        f"Cross-validation in {setting.data.folds} folds: each patient of a fold was read by the model that was "
        f"trained without that fold; {normals}."
    )


def _not_involved(found: Experiment) -> str:
    """Says that no second reader, site or annotator took part, as far as the experiment can know."""
    if found.setting.data.is_synthetic:
        return "No reader, no second site, no second annotator was involved."
    return "No reader was compared with; from which sites and annotators scans and truth come, the data set has to say."


def _unseen(found: Experiment) -> list[str]:
    """Warnings about models that saw, or may have seen, what they read."""
    by_answer: dict[bool | None, list[ModelFact]] = {}
    for model in found.setting.models:
        by_answer.setdefault(model.trained_on_others, []).append(model)
    texts = []
    if False in by_answer:
        names = ", ".join(model.name for model in by_answer[False])
        texts.append(f"Trained on the very cases they read: {names}. The figures say nothing about unseen cases.")
    if None in by_answer:
        names = ", ".join(model.name for model in by_answer[None])
        texts.append(
            f"Whether the cases were kept from the training of {names} is the word of whoever ran this: what the "
            "models were trained on (another store, or a part of one) is recorded as a digest, which tells no single "
            "case."
        )
    return texts


def _first_page(found: Experiment) -> tuple[Section, ...]:
    by_size = _without_pictures(sections.size_section(found))
    return (
        rule_sections.rule_section(found),
        *((rule_sections.outcome_section(found),) if found.outcomes else ()),
        by_size,
        *((rule_sections.trait_section(found),) if found.trait_strata else ()),
    )


def _without_pictures(section: Section) -> Section:
    return Section(section.title, tuple(block for block in section.blocks if not isinstance(block, Picture)))
