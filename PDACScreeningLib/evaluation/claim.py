"""The topics of CLAIM 2024 (checklist for AI in medical imaging), and what this experiment can say to each."""

from __future__ import annotations

from PDACScreeningLib.evaluation.document import Paragraph, Section, Table
from PDACScreeningLib.evaluation.experiment import Experiment

_OPEN = "to be written by whoever publishes the study"


def claim_section(found: Experiment) -> Section:
    """A table to start from; what software cannot know is said to be open, never filled in."""
    return Section(
        "CLAIM 2024",
        (
            Paragraph(
                "Topics of the Checklist for Artificial Intelligence in Medical Imaging, 2024 update, in our words. "
                "What the software knows is filled in; the rest is for whoever publishes the study."
            ),
            Table("Topics", ("Topic", "Here"), tuple((*_design(), *_data(found), *_model(found), *_results(found)))),
        ),
    )


def _design() -> list[tuple[str, str]]:
    return [
        ("Title and abstract: identification as an AI study", _OPEN),
        ("Background, intended use, clinical role", "research software; none"),
        ("Objectives and hypotheses", _OPEN),
        ("Study design: prospective or retrospective, goal", _OPEN),
    ]


def _data(found: Experiment) -> list[tuple[str, str]]:
    data, counts = found.setting.data, found.counts
    grid = "the scans' own" if data.working_spacing_mm is None else f"{data.working_spacing_mm:g} mm isotropic"
    patients = "not applicable: phantoms" if data.is_synthetic else _OPEN
    truth = "exact by construction (phantoms)" if data.is_synthetic else _OPEN
    return [
        ("Data sources", f"{data.source}; SHA-256 of the cases {data.sha256[:16]}..."),
        ("Inclusion and exclusion", f"`prepare` refuses cases it cannot use, by name; {counts.readings} readings here"),
        ("Preprocessing", f"canonical orientation, working grid {grid}, HU window of the model"),
        ("Selection of subsets", "none by this software"),
        ("De-identification", patients),
        ("Missing data", "no imputation; a scan without a result counts as not called"),
        ("Acquisition protocol", patients),
        ("Reference standard: definition, source, rationale", truth),
        ("Annotation of the test set, annotators", truth),
        ("Variability of annotators", patients),
        ("Assignment to partitions, level at which they are disjoint", _partition(found)),
        ("Sample size", f"{counts.with_tumor} with a tumor, {counts.without_tumor} without; no calculation was made"),
        ("Demographic and clinical characteristics", patients),
    ]


def _partition(found: Experiment) -> str:
    data = found.setting.data
    if not data.folds:
        return "one set of cases for testing; disjoint by patient if prepared so"
    return f"split file by patient, {data.folds} folds (SHA-256 {str(data.split_sha256)[:16]}...); disjoint by patient"


_OWN = (
    ("Initialization", "random, from a seed; no pretraining"),
    ("Training: augmentation, hyperparameters", "in model.json and in the checkpoints"),
    ("Selection of the final model", f"the last or the best checkpoint, as model.json records; {_OPEN}"),
    ("Ensembling", "mean of the softmax of the networks of one model; no ensemble of folds"),
)
_IMPORTED = (
    ("Initialization", f"an imported nnU-Net: its authors tell; {_OPEN}"),
    ("Training: augmentation, hyperparameters", f"its authors tell; {_OPEN}"),
    ("Selection of the final model", "the checkpoint that model.json names"),
    ("Ensembling", "mean of the logits of the folds"),
)


def _model(found: Experiment) -> list[tuple[str, str]]:
    setting = found.setting
    return [
        (
            "Model: inputs, outputs, architecture",
            f"networks {', '.join(name for name in setting.row_names if '^3' in name or 'fold' in name)}; "
            "docs/paper.md, model.json",
        ),
        ("Software", ", ".join(f"{name} {version}" for name, version in setting.software.items())),
        *(_IMPORTED if any(name.startswith("fold ") for name in setting.row_names) else _OWN),
    ]


def _results(found: Experiment) -> list[tuple[str, str]]:
    return [
        ("Metrics", "Dice, NSD, HD95, sensitivity, specificity, AUC, average precision, FROC"),
        ("Uncertainty", "95 % Wilson, t and patient-bootstrap intervals"),
        ("Robustness and sensitivity analysis", "the sweep over K and the ablations above"),
        ("Explainability", "each call rests on voxels that are shown; see the pictures above"),
        ("Internal testing", _partition(found)),
        ("External testing", "not applicable: phantoms" if found.setting.data.is_synthetic else _OPEN),
        ("Participant flow", f"{found.counts.readings} readings of {found.counts.patients} patients, all evaluated"),
        ("Performance, diagnostic accuracy", "the tables above"),
        ("Failure analysis", "all misses and false alarms by case above"),
        ("Limitations", 'first section, "What these numbers are worth"'),
        ("Implications for practice", "none: research software"),
        ("Registration and protocol", _OPEN),
        ("Availability of software, models, data", "Apache-2.0 software; models and data: " + _OPEN),
        ("Funding", _OPEN),
    ]
