"""`MODEL_CARD.md`: what a model is, was trained on and was measured to do. A start for whoever publishes it."""

from __future__ import annotations

from PDACScreeningLib.config import DecisionRule, ScreeningConfig
from PDACScreeningLib.evaluation.case_result import is_papers_mean
from PDACScreeningLib.evaluation.document import Block, Document, Paragraph, Section, Table
from PDACScreeningLib.evaluation.experiment import Experiment
from PDACScreeningLib.evaluation.report_document import summary
from PDACScreeningLib.evaluation.report_markdown import to_markdown
from PDACScreeningLib.evaluation.report_sections import errors_section
from PDACScreeningLib.network.model_description import ModelDescription
from PDACScreeningLib.screening_result import RESEARCH_NOTICE


def model_card(description: ModelDescription, found: Experiment | None) -> str:
    """Markdown. found: the experiment the performance comes from, None when nothing was measured."""
    notices = (f"{description.notice[0].upper()}{description.notice[1:]}.",) if description.notice else ()
    sections = [_use(description), _facts(description), _training(description)]
    if found is None:
        sections.append(Section("Measured", (Paragraph("Nothing. What this model is worth is not known.", True),)))
    else:
        sections += [_measured(description), *summary(found).sections, errors_section(found, ())]
    return to_markdown(Document(description.name, (*notices, RESEARCH_NOTICE), tuple(sections)))


def measured_part(description: ModelDescription, found: Experiment) -> str:
    """Markdown of what was measured alone, for a card that somebody wrote."""
    sections = (_measured(description), *summary(found).sections, errors_section(found, ()))
    whole = to_markdown(Document(description.name, (), sections))
    return whole.split("\n", 1)[1].strip()  # without the title


def _use(description: ModelDescription) -> Section:
    """What the model may be used for: research, or, for a demo model, only to see how the software works."""
    meant = (
        "To see how the software works. Its output on a patient's scan has no meaning."
        if description.is_demo
        else "Research on screening of abdominal CT in the portal venous phase. Not for diagnosis, not for triage."
    )
    return Section("Intended use", (Paragraph(meant),))


def _facts(description: ModelDescription) -> Section:
    config, seen = description.config, description.training_range
    windows = ", ".join(f"{scale.patch_size}^3 every {scale.stride}" for scale in config.scales)
    spacing = config.working_spacing_mm
    rows = (
        ("networks", f"{windows} voxels; {config.network.base_width} channels at full resolution"),
        ("working grid", "the scan's own voxels" if spacing is None else f"{spacing:g} mm isotropic"),
        ("rule", _rule(config.decision)),
        *_combination(config),
        ("trained on", description.trained_on),
        ("scans of the training", "not recorded" if seen is None else seen.words),
        ("licence of the data", "to be written by whoever publishes the model"),
        ("weights", f"SHA-256 {description.weights_sha256}"),
    )
    return Section("Model", (Table("What it is", ("", "Here"), rows),))


def _rule(rule: DecisionRule) -> str:
    if rule.min_score is not None:
        return f"suspicious from a score of {rule.min_score:.3f} on (K = {rule.min_tumor_voxels} in the score)"
    return f"suspicious from {rule.min_tumor_voxels} tumor voxels of the working grid on"


def _combination(config: ScreeningConfig) -> tuple[tuple[str, str], ...]:
    """Told where it is not the paper's."""
    if is_papers_mean(config):
        return ()
    words = f"{config.combination}, tumor only above a probability of {config.min_tumor_probability:g}"
    return (("combination of the networks", words),)


def _training(description: ModelDescription) -> Section:
    """One column a network, one row a fact."""
    sizes = tuple(description.training)
    keys = dict.fromkeys(key for facts in description.training.values() for key in facts)
    rows = tuple((key, *(description.training[size].get(key, "-") for size in sizes)) for key in keys)
    return Section("Training", (Table("As recorded", ("", *(f"{size}^3" for size in sizes)), rows),))


def _measured(description: ModelDescription) -> Section:
    blocks: list[Block] = [Paragraph(f"{description.performance[0].upper()}{description.performance[1:]}.")]
    if description.measured is not None and not description.measured.these_weights:
        blocks.append(Paragraph("The figures are of sister models, each trained on other parts of the data.", True))
    return Section("Measured", tuple(blocks))
