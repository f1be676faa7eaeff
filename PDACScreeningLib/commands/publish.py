"""`pdac-screening publish`: the checkpoints of a run folder become a model folder."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import COMBINATIONS, Combination, DecisionRule, ScreeningConfig
from PDACScreeningLib.datasets.split import read_split
from PDACScreeningLib.errors import ModelError, UsageError
from PDACScreeningLib.evaluation.experiment import Experiment, read_experiment
from PDACScreeningLib.evaluation.imported_model import Measured, with_rule
from PDACScreeningLib.evaluation.measured_block import has_block, with_block
from PDACScreeningLib.evaluation.model_card import measured_part, model_card
from PDACScreeningLib.evaluation.performance import WantedKind, WantedRule, chosen_rule, measured_performance
from PDACScreeningLib.evaluation.plan import what_segments
from PDACScreeningLib.network.model_description import DESCRIPTION, ModelDescription, read_description
from PDACScreeningLib.network.model_directory import save_model, weights_sha256
from PDACScreeningLib.network.nnunet_import import write_anew
from PDACScreeningLib.session.record import config_sha256
from PDACScreeningLib.terminal.arguments import add_progress, describe, folder_to_write, from_arguments, words
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE
from PDACScreeningLib.terminal.interruption import Interruption
from PDACScreeningLib.training.store_range import learned_range
from PDACScreeningLib.training.trained_networks import TrainedNetworks, trained_networks
from PDACScreeningLib.training_range import TrainingRange

CARD = "MODEL_CARD.md"
NOT_RECORDED = (
    "What the training scans were like is not recorded, so no scan will be told to be unlike them; give "
    "--training-store, and the --split of the training, to measure them."
)
_NEEDS_CASES = "--rule {} is chosen on cases: give --performance-from experiment.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`publish`: finished trainings to a model folder."""
    describe(
        parser,
        run_publish,
        description="Writes weights.safetensors, model.json and a model card from the checkpoints of a run folder.",
        examples=(
            "pdac-screening publish run --name demo-phantom --demo --trained-on '240 synthetic phantoms' "
            "--notice 'demo model, trained on synthetic phantoms only' --output Resources/Models/demo-phantom",
            "pdac-screening publish run --name my-model --trained-on '...' --performance-from "
            "evaluation/experiment.json --training-store store --split split.json --output my-model",
        ),
    )
    parser.add_argument(
        "run_folder",
        type=Path,
        metavar="RUN|MODEL",
        help="run folder of `pdac-screening train`; or a model folder, also of an imported model, to describe the same "
        "weights anew",
    )
    parser.add_argument("--output", metavar="DIR", type=folder_to_write, required=True, help="model folder to write")
    parser.add_argument("--name", required=True, type=words, help="name of the model on every output")
    parser.add_argument(
        "--trained-on", metavar="SENTENCE", required=True, type=words, help="what the model was trained on"
    )
    parser.add_argument(
        "--weights",
        choices=("average", "last"),
        default="average",
        help="of trainings with --average-decay: the average, or what was trained (default: average)",
    )
    parser.add_argument(
        "--training-store",
        metavar="STORE",
        type=Path,
        help="the store it was trained on: its scans are measured, and a scan unlike them is told as such "
        "(default: what the model says already)",
    )
    parser.add_argument(
        "--split",
        metavar="FILE",
        type=Path,
        help="split file of the training, where it saw a part of --training-store",
    )
    parser.add_argument("--notice", metavar="SENTENCE", default="", help="shown on every output")
    performance = parser.add_mutually_exclusive_group()
    performance.add_argument("--performance", metavar="SENTENCE", default="", help="measured figures, and on what")
    performance.add_argument(
        "--performance-from",
        metavar="FILE",
        type=Path,
        help="experiment.json of `pdac-screening evaluate`; its figures go into model.json and the model card",
    )
    parser.add_argument(
        "--rule",
        metavar="k=N|score=T|sensitivity=S|specificity=S",
        type=_rule,
        help="when a scan is called suspicious; sensitivity and specificity choose a score on the cases of "
        "--performance-from (default: k=50)",
    )
    parser.add_argument("--combination", choices=COMBINATIONS, help="of the networks (default: mean, or the model's)")
    parser.add_argument(
        "--min-tumor-probability",
        metavar="P",
        type=float,
        help="a voxel is tumor only above it (default: 0, the paper's, or the model's)",
    )
    parser.add_argument(
        "--checkpoint",
        choices=("best", "last"),
        default="best",
        help="of trainings with validation: the best, or the last (default: best)",
    )
    parser.add_argument(
        "--demo", dest="is_demo", action="store_true", help="a demo: never used without being asked for"
    )
    add_progress(parser)


def _rule(text: str) -> WantedRule:
    """A wanted rule such as sensitivity=0.95. Raises ArgumentTypeError."""
    kind, _, value = text.partition("=")
    try:
        if kind not in get_args(WantedKind):
            raise ValueError(f"expected k=50, score=0.2, sensitivity=0.95 or specificity=0.95, got {text}")
        return WantedRule(kind, float(value))  # type: ignore[arg-type]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


@dataclass(frozen=True)
class PublishRequest:
    """What was asked of `publish`."""

    run_folder: Path
    output: Path
    name: str
    trained_on: str
    notice: str
    performance: str
    is_demo: bool
    performance_from: Path | None = None  # an experiment.json, instead of the sentence
    weights: str = "average"  # where one was kept
    rule: WantedRule | None = None
    combination: Combination | None = None  # None: as the networks had it
    min_tumor_probability: float | None = None
    checkpoint: str = "best"  # where there was validation
    training_store: Path | None = None  # what its scans are like goes into the model
    split: Path | None = None  # which part of it was trained on


def run_publish(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    """Write the model folder, and a model card where there is none, or one that nobody has touched.

    Raises CheckpointError when the trainings do not belong together, ModelError or DataError when the experiment does
    not belong to the model; then nothing was written.
    """
    request = from_arguments(PublishRequest, arguments)
    if (imported := _imported(request.run_folder)) is not None:
        return _publish_imported(request, imported, display)
    trained = trained_networks(
        request.run_folder,
        averaged=request.weights == "average",
        last=request.checkpoint == "last",
        notify=display.notice,
    )
    config = _screening_config(trained.config, request)
    found = None if request.performance_from is None else _experiment(request.performance_from, config)
    config = replace(config, decision=_decision(request, config, found))
    description = ModelDescription(
        name=request.name,
        trained_on=request.trained_on,
        is_demo=request.is_demo,
        config=config,
        weights_sha256=weights_sha256(trained.states),
        notice=request.notice,
        performance=request.performance,
        training=trained.training,
        training_range=_training_range(request, trained, display),
    )
    if found is not None and request.performance_from is not None:
        description = _with_performance(description, found, request.performance_from, request.rule)
    card_is_theirs = _is_somebodys_card(request.output)
    written = save_model(request.output, description, trained.states)
    card = _keep_card(request.output, found) if card_is_theirs else _write_card(request.output, written, found)
    facts = {"folder": str(request.output), "weights_sha256": written.weights_sha256}
    display.result(f"model '{request.name}' written to {request.output}; {card}", facts)
    return DONE


def _training_range(request: PublishRequest, trained: TrainedNetworks, display: Display) -> TrainingRange | None:
    """What the training scans were like. Raises ModelError for networks of other cases, DataError, UsageError."""
    if request.training_store is None:
        if request.split is not None:
            raise UsageError("--split tells which part of --training-store was trained on: give both")
        if trained.training_range is None:
            display.notice(NOT_RECORDED)
        return trained.training_range
    split = None if request.split is None else read_split(request.split)
    return learned_range(trained, request.training_store, split, display.progress, display.notice)


def _imported(folder: Path) -> ModelDescription | None:
    """The description of an imported model; None for a run folder and for networks of the paper."""
    description = read_description(folder) if (folder / DESCRIPTION).exists() else None
    return description if description is not None and description.nnunet is not None else None


def _publish_imported(request: PublishRequest, imported: ModelDescription, display: Display) -> int:
    """The same weights, folds and license with another rule, name or figures. Raises as `run_publish`, UsageError."""
    ours = (request.combination, request.min_tumor_probability, request.training_store, request.split)
    if ours != (None,) * len(ours) or request.is_demo:
        raise UsageError(
            "--combination, --min-tumor-probability, --training-store, --split and --demo are for the networks of the "
            "paper"
        )
    measured = None
    if request.performance_from is not None:
        found = _experiment(request.performance_from, imported.config)
        measured = Measured(found, hashlib.sha256(request.performance_from.read_bytes()).hexdigest())
    elif request.rule is not None and request.rule.needs_cases:
        raise UsageError(_NEEDS_CASES.format(request.rule.text))
    description = replace(
        imported,
        name=request.name,
        trained_on=request.trained_on,
        notice=request.notice or imported.notice,
        performance=request.performance,
        measured=None,
    )
    written = write_anew(request.run_folder, with_rule(description, request.rule, measured), request.output)
    facts = {"folder": str(request.output), "weights_sha256": written.weights_sha256}
    display.result(f"model '{request.name}' written to {request.output}, with its {CARD}", facts)
    return DONE


def _experiment(path: Path, config: ScreeningConfig) -> Experiment:
    """The experiment, if it measured models that answer as this one does."""
    found = read_experiment(path)
    if found.setting.config_sha256 != config_sha256(what_segments(config)):
        raise ModelError(f"{path} measured models of another configuration; evaluate models trained as this one")
    return found


def _screening_config(trained: ScreeningConfig, request: PublishRequest) -> ScreeningConfig:
    """How the networks were trained to be used, with what was asked for. Raises UsageError."""
    combination = request.combination or trained.combination
    least = trained.min_tumor_probability if request.min_tumor_probability is None else request.min_tumor_probability
    try:
        return replace(trained, combination=combination, min_tumor_probability=least)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _decision(request: PublishRequest, config: ScreeningConfig, found: Experiment | None) -> DecisionRule:
    """The rule that was asked for, else the one that was measured, else the configuration's. Raises UsageError."""
    if request.rule is None:
        return config.decision if found is None else found.setting.decision
    if found is None and request.rule.needs_cases:
        raise UsageError(_NEEDS_CASES.format(request.rule.text))
    measured_with = config.decision if found is None else found.setting.decision
    return chosen_rule(request.rule, measured_with, () if found is None else found.cases)


def _with_performance(
    description: ModelDescription, found: Experiment, path: Path, rule: WantedRule | None
) -> ModelDescription:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    chosen_for = rule.text if rule is not None and rule.needs_cases else ""
    measured = measured_performance(
        found, description.weights_sha256, sha256, description.config.decision, chosen_for=chosen_for
    )
    return replace(description, measured=measured, performance=measured.sentence(is_demo=description.is_demo))


def _is_somebodys_card(folder: Path) -> bool:
    """Whether a card says something else than what was written when the model beside it was not measured yet."""
    path = folder / CARD
    if not path.exists():
        return False
    try:
        return path.read_text(encoding="utf-8") != model_card(read_description(folder), None)
    except (ModelError, OSError, UnicodeDecodeError):
        return True


def _keep_card(folder: Path, found: Experiment | None) -> str:
    """Leave a card that somebody wrote, but for the figures where it leaves a place. Returns what to tell."""
    path = folder / CARD
    page = path.read_text(encoding="utf-8")
    if found is None or not has_block(page):
        return f"its {CARD} was kept; check that it still fits"
    atomic_file.write_text(path, with_block(page, measured_part(read_description(folder), found)))
    return f"its {CARD} was kept with the new figures"


def _write_card(folder: Path, description: ModelDescription, found: Experiment | None) -> str:
    """Returns what to tell."""
    atomic_file.write_text(folder / CARD, model_card(description, found))
    return f"complete its {CARD}"
