"""`MODEL_CARD.md` of an imported nnU-Net: what it is, and that nothing here was measured."""

from __future__ import annotations

from collections.abc import Iterable

from PDACScreeningLib.network.model_description import ModelDescription
from PDACScreeningLib.network.nnunet_model import CoarseStep, NnunetModel, NnunetStep
from PDACScreeningLib.screening_result import RESEARCH_NOTICE


def nnunet_card(description: ModelDescription) -> str:
    """Markdown. Raises ValueError for a model that is no nnU-Net."""
    model = description.nnunet
    if model is None:
        raise ValueError("this card is for imported nnU-Nets")
    rows = [
        *_facts(description, model),
        *([] if model.coarse is None else _coarse(model.coarse)),
        *_step("second step" if model.coarse else "network", model.fine),
    ]
    files = [(f"`{place}`", f"`{digest}`") for place, digest in model.imported_sha256.items()]
    return "\n".join(
        [
            f"# {description.name}",
            "",
            f"**{description.notice[0].upper()}{description.notice[1:]}.** {RESEARCH_NOTICE}",
            "",
            *_table(rows),
            "",
            "## Measured",
            "",
            _measured(description),
            "",
            "## Imported files",
            "",
            "Read without running anything in them; their SHA-256:",
            "",
            *_table(files),
            "",
            "## License",
            "",
            "As given by whoever imported the model, also in LICENSE.txt:",
            "",
            *(f"> {line}".rstrip() for line in model.license.splitlines()),
            "",
        ]
    )


def _measured(description: ModelDescription) -> str:
    if not description.performance:
        return "Nothing, here. What its authors report stands in docs/public_models.md or with the model's source."
    return f"By whoever published it with this rule: {description.performance}."


def _facts(description: ModelDescription, model: NnunetModel) -> list[tuple[str, str]]:
    rule = description.config.decision
    needed = rule.min_tumor_voxels
    k = f"K = {needed} voxels of the model's grid = {needed * model.fine.voxel_mm3:.1f} mm3"
    published = "none given"
    if model.published_score is not None:
        published = f"candidate score {model.published_score:g} ({model.published_words or 'no source given'})"
    return [
        ("engine", "nnunet-v2"),
        ("source", model.source),
        ("trained on", description.trained_on),
        ("size", f"{model.parameters / 1e6:.1f} million parameters in {len(model.files)} files"),
        ("rule", k if rule.min_score is None else f"a score of {rule.min_score:.3f}; the score counts from {k}"),
        ("published operating point", published),
        *([("recipe", model.recipe)] if model.recipe else []),
    ]


def _coarse(coarse: CoarseStep) -> list[tuple[str, str]]:
    resampled = "not resampled before it" if coarse.spacing_mm_xyz is None else f"scan at {_mm(coarse.spacing_mm_xyz)}"
    return [
        *_step("first step", coarse.step),
        ("between the steps", f"{resampled}; the box of what it finds is grown by {_mm(coarse.margin_mm_xyz)}"),
    ]


def _step(name: str, step: NnunetStep) -> list[tuple[str, str]]:
    z, y, x = step.patch_size
    folds = ", ".join(fold.name for fold in step.folds)
    means = f"tumor {step.labels.tumor_values}, pancreas {step.labels.pancreas_values}"
    return [
        (name, f"{step.unet.kind} of {step.trainer}, {step.configuration}; folds {folds}"),
        (f"{name}, input", f"patch {z} x {y} x {x}, spacing {_mm(step.spacing_mm_xyz)} (x, y, z)"),
        (f"{name}, labels", f"{means}{', by regions' if step.labels.regions else ''}"),
    ]


def _mm(values: tuple[float, float, float]) -> str:
    return " x ".join(f"{value:.4g}" for value in values) + " mm"


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {key} | {value.replace('|', '/')} |" for key, value in rows)]
