"""`pdac-screening import-model`: a trained nnU-Net that a user has downloaded becomes a model of this project."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.network.model_places import folder_for
from PDACScreeningLib.network.nnunet_folder import StepSource
from PDACScreeningLib.network.nnunet_import import ImportOrder, import_nnunet
from PDACScreeningLib.network.nnunet_labels import LabelWish, label_wish
from PDACScreeningLib.network.nnunet_recipes import RECIPES, Recipe
from PDACScreeningLib.terminal.arguments import (
    add_progress,
    describe,
    folder_to_write,
    from_arguments,
    positive,
    positive_number,
)
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE
from PDACScreeningLib.terminal.interruption import Interruption
from PDACScreeningLib.volume.geometry import XYZ

_LONGEST_LICENSE_BYTES = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `import-model`. Those named like a field of ImportRequest are handed to it."""
    describe(
        parser,
        run_import_model,
        description="Reads a trained nnU-Net v2 folder (dataset.json, plans.json, fold_*/checkpoint_*.pth) and writes\n"
        "a model folder that `screen --model NAME` finds. Nothing in the folder is run and nothing is downloaded.\n"
        "Which models there are, and the line for each: docs/public_models.md. Heed the license of each.",
        examples=(
            "pdac-screening import-model nnUNetTrainer__nnUNetPlans__3d_fullres --name my-nnunet --labels tumor=tumor "
            "pancreas=pancreas,'pancreatic duct' --license-text LICENSE.txt --source 'our hospital, 2026'",
            "pdac-screening import-model nnUNet_results --recipe panorama-baseline --name panorama "
            "--license-text 'Apache-2.0 (code); CC BY-NC 4.0 (data)' --source https://zenodo.org/records/11160381",
        ),
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="trained folder; with --recipe also the one above")
    parser.add_argument("--name", required=True, help="name for `--model`, and on every output")
    parser.add_argument(
        "--license-text", metavar="TEXT|FILE", required=True, help="the model's license, or a file of it"
    )
    parser.add_argument("--source", metavar="TEXT", required=True, help="where you have the model from")
    parser.add_argument(
        "--labels",
        metavar="OURS=THEIRS",
        nargs="+",
        help="tumor=NAME,... and pancreas=NAME,... with dataset.json's names; also veins=, arteries=, duct= and "
        "bile_duct=, which are shown and measured",
    )
    parser.add_argument("--recipe", choices=tuple(RECIPES), help="a published pipeline whose numbers are known")
    parser.add_argument(
        "--checkpoint", metavar="NAME", help="file in each fold (default: checkpoint_final.pth or _best)"
    )
    parser.add_argument("--configuration", metavar="NAME", default="", help="of plans.json (default: as trained)")
    _add_coarse(parser)
    _add_description(parser)
    add_progress(parser)


def _add_coarse(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("first of two steps", "a coarse network that finds where the pancreas is")
    group.add_argument("--coarse", metavar="FOLDER", type=Path, help="its trained folder; all its labels count")
    group.add_argument("--coarse-checkpoint", metavar="NAME", help="as --checkpoint")
    axes = ("X", "Y", "Z")
    group.add_argument(
        "--coarse-spacing-mm",
        metavar=axes,
        nargs=3,
        type=positive_number,
        help="the scan is resampled to it before (default: not)",
    )
    group.add_argument(
        "--margin-mm", metavar=axes, nargs=3, type=positive_number, help="around what it finds (default: 30 30 30)"
    )


def _add_description(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is told of it")
    group.add_argument(
        "--output", metavar="DIR", type=folder_to_write, help="model folder (default: your models, by name)"
    )
    group.add_argument("--trained-on", metavar="SENTENCE", default="", help="what it was trained on")
    group.add_argument(
        "--min-tumor-voxels",
        metavar="K",
        type=positive,
        default=DecisionRule.min_tumor_voxels,
        help="of the model's own grid, from which on a scan is called (default: 50, the paper's)",
    )
    group.add_argument(
        "--published-score",
        metavar="T",
        type=positive_number,
        help="the operating point that its authors publish, on the highest lesion candidate",
    )
    group.add_argument("--published-in", dest="published_words", metavar="TEXT", default="", help="where they do")


@dataclass(frozen=True)
class ImportRequest:
    """What was asked of `import-model`."""

    folder: Path
    name: str
    license_text: str
    source: str
    labels: list[str] | None = None
    recipe: str | None = None
    checkpoint: str | None = None
    configuration: str = ""
    coarse: Path | None = None
    coarse_checkpoint: str | None = None
    coarse_spacing_mm: list[float] | None = None
    margin_mm: list[float] | None = None
    output: Path | None = None
    trained_on: str = ""
    min_tumor_voxels: int = DecisionRule.min_tumor_voxels
    published_score: float | None = None
    published_words: str = ""


def run_import_model(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Write a model folder. Raises UsageError or ModelError; then there is no model."""
    request = from_arguments(ImportRequest, arguments)
    order = _order(request)
    folder = folder_for(request.name) if request.output is None else request.output
    description = import_nnunet(order, folder, interruption.hook(display.progress))
    wish = request.name if request.output is None else str(folder)
    text = (
        f"model '{request.name}' imported into {folder}. Note: {description.notice}.\n"
        f"To use it: pdac-screening screen SCAN --output RESULT --model {wish}"
    )
    display.result(text, {"folder": str(folder), "weights_sha256": description.weights_sha256})
    return DONE


def _order(request: ImportRequest) -> ImportOrder:
    recipe = None if request.recipe is None else RECIPES[request.recipe]
    return ImportOrder(
        name=request.name,
        fine=_fine(request, recipe),
        license=_license(request.license_text),
        source=_said(request.source, "--source"),
        coarse=_coarse(request, recipe),
        coarse_spacing_mm_xyz=_triple(request.coarse_spacing_mm) or (recipe.coarse_spacing_mm_xyz if recipe else None),
        margin_mm_xyz=_triple(request.margin_mm) or (recipe.margin_mm_xyz if recipe else (30.0, 30.0, 30.0)),
        trained_on=request.trained_on,
        min_tumor_voxels=request.min_tumor_voxels,
        published_score=request.published_score,
        published_words=request.published_words,
        recipe=request.recipe or "",
    )


def _fine(request: ImportRequest, recipe: Recipe | None) -> StepSource:
    if request.labels is None and recipe is None:
        raise UsageError("give --labels tumor=NAME pancreas=NAME with the names of dataset.json, or a --recipe")
    labels = label_wish(request.labels) if request.labels is not None else recipe.labels if recipe else LabelWish()
    folder = request.folder if recipe is None else _trained_in(request.folder, recipe.dataset)
    checkpoint = request.checkpoint or (recipe.checkpoint if recipe else None)
    return StepSource(folder, labels, checkpoint, request.configuration)


def _coarse(request: ImportRequest, recipe: Recipe | None) -> StepSource | None:
    folder = request.coarse
    if folder is None and recipe is not None:
        folder = _trained_in(request.folder, recipe.coarse_dataset)
    if folder is None:
        return None
    checkpoint = request.coarse_checkpoint or (recipe.coarse_checkpoint if recipe else None)
    return StepSource(folder, LabelWish(), checkpoint)


def _trained_in(folder: Path, dataset: str) -> Path:
    """The trained folder of a data set below `folder`, or `folder` itself. Raises UsageError when it cannot be told."""
    found = sorted(path.parent for path in folder.glob(f"{dataset}*/*/plans.json"))
    if len(found) > 1:
        raise UsageError(f"{folder} holds several trained folders of {dataset}*: name one, and the other with --coarse")
    if not found and not (folder / "plans.json").exists():
        raise UsageError(f"{folder} holds no {dataset}*/.../plans.json; name the folder above both steps of the recipe")
    return found[0] if found else folder


def _license(text: str) -> str:
    """The text of a license, or of the file that is named. Raises UsageError."""
    try:
        path = Path(text)
        if len(text) < 1000 and path.is_file() and path.stat().st_size <= _LONGEST_LICENSE_BYTES:
            text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"--license-text {text} cannot be read as text in UTF-8") from error
    return _said(text, "--license-text")


def _said(text: str, option: str) -> str:
    if not text.strip():
        raise UsageError(f"{option} says nothing; a model without a license or a source must not be used")
    return text.strip()


def _triple(values: list[float] | None) -> XYZ | None:
    return None if values is None else (values[0], values[1], values[2])
