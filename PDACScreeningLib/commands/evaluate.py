"""`pdac-screening evaluate`: models against the truth of a case store, and the paper's section 3 of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PDACScreeningLib import atomic_file
from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.evaluation import optional_packages
from PDACScreeningLib.evaluation.bootstrap import PatientBootstrap
from PDACScreeningLib.evaluation.case_result import CaseResult
from PDACScreeningLib.evaluation.comparison import Comparison, ModelReadings, comparison
from PDACScreeningLib.evaluation.comparison_table import comparison_csv, comparison_section
from PDACScreeningLib.evaluation.document import Picture
from PDACScreeningLib.evaluation.experiment import EXPERIMENT, Experiment, experiment, write_experiment
from PDACScreeningLib.evaluation.gallery import GALLERY, GalleryCase, draw, picture, wrong_readings
from PDACScreeningLib.evaluation.plan import Plan, PlanRequest, make_plan, plan_beside
from PDACScreeningLib.evaluation.plots import write_plots
from PDACScreeningLib.evaluation.reading_file import read_labels, read_result
from PDACScreeningLib.evaluation.reading_pool import ReadingTask, make_readings, open_case
from PDACScreeningLib.evaluation.report_document import document, summary
from PDACScreeningLib.evaluation.report_markdown import to_markdown
from PDACScreeningLib.evaluation.report_page import to_html
from PDACScreeningLib.evaluation.settings import NORMALS, ReadingSettings, StatisticsSettings
from PDACScreeningLib.network.runtime import resolve_device, use_threads
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.terminal.arguments import (
    add_device,
    add_ensemble,
    add_precision,
    add_progress,
    add_protocol,
    describe,
    folder_to_write,
    from_arguments,
    positive,
    share,
    thread_count,
)
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE
from PDACScreeningLib.terminal.interruption import Interruption

READINGS, COMPARED = "cases", "compared"
GALLERY_LIMIT = 12  # misses, and false alarms, that are shown; all are listed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`evaluate`: models on a case store."""
    describe(
        parser,
        run_evaluate,
        description="Reads every case of a store and compares it with the truth: Table 1, ROC and more, with 95 %\n"
        "intervals, as experiment.json, report.html, report.md and plots. Readings are kept as they are made: run it\n"
        "again to go on where it stopped, or to compute the figures anew in seconds.",
        examples=(
            "pdac-screening evaluate held-out-store --model demo-phantom --output evaluation",
            "pdac-screening evaluate held-out-store --model my-model --compare panorama --output evaluation",
            "pdac-screening evaluate store --split cohort/split.json --model fold0 --model fold1 --model fold2 "
            "--model fold3 --jobs 2 --output evaluation",
        ),
    )
    parser.add_argument("store", type=Path, help="folder made by `pdac-screening prepare`; cases never trained on")
    parser.add_argument(
        "--model",
        metavar="NAME|DIR",
        action="append",
        required=True,
        help="installed model or model folder; with --split once for each fold, in order",
    )
    parser.add_argument(
        "--compare",
        metavar="NAME|DIR",
        action="append",
        default=[],
        help="another model of any engine that reads the same cases, side by side with paired differences; repeat it",
    )
    parser.add_argument("--output", metavar="DIR", type=folder_to_write, required=True, help="folder to write")
    parser.add_argument("--split", metavar="FILE", type=Path, help="split file; each case is read by a fold's model")
    parser.add_argument(
        "--normals",
        choices=NORMALS,
        default="rotation",
        help="who reads patients that every fold may test: one fold each in turn, or all (default: rotation)",
    )
    parser.add_argument(
        "--ablation",
        choices=("whole-volume",),
        help="also run the small networks over the whole volume instead of the ROI; slow",
    )
    parser.add_argument(
        "--prevalence",
        metavar="P",
        type=share,
        action="append",
        help="share of people with the disease for which predictive values are told; may be repeated "
        f"(default: {', '.join(f'{value:g}' for value in StatisticsSettings().prevalences)})",
    )
    parser.add_argument("--jobs", metavar="N", type=positive, default=1, help="processes of one thread (default: 1)")
    parser.add_argument("--threads", metavar="N", type=thread_count, help="CPU threads of one job (default: all cores)")
    add_protocol(parser)
    add_device(parser)
    add_precision(parser)
    add_ensemble(parser)
    add_progress(parser)


@dataclass(frozen=True)
class EvaluateRequest:
    """What was asked of `evaluate`. models: one, or one for each fold of the split in order."""

    store: Path
    models: tuple[str, ...]
    output: Path
    device: str
    threads: int | None
    precision: str = "auto"
    jobs: int = 1
    split: Path | None = None
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    statistics: StatisticsSettings = field(default_factory=StatisticsSettings)
    compare: tuple[str, ...] = ()  # further models, each of which reads every case
    folds: tuple[str, ...] = ()
    mirroring: bool = True


def run_evaluate(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Compare models with the truth of a store."""
    optional_packages.require()
    return evaluate(_request(arguments), display, interruption)


def evaluate(request: EvaluateRequest, display: Display, interruption: Interruption) -> int:
    """Read every case that has not been read, then compute and write everything from the readings."""
    use_threads(request.threads)
    asked = PlanRequest(
        request.store,
        request.models,
        request.split,
        request.reading,
        request.statistics,
        resolve_device(request.device, request.precision),
        EnsembleOptions(request.folds, request.mirroring),
    )
    plan = make_plan(asked)
    beside = [(plan_beside(plan, asked, wish), place) for wish, place in _compared(request)]
    plans = [plan, *(other for other, _ in beside)]
    _require_ensemble(request, plans)
    for warning in dict.fromkeys(warning for one in plans for warning in one.warnings):
        display.notice(warning)
    hook = interruption.hook(display.progress)
    results = _read(plan, request.output / READINGS, request.jobs, hook)
    others = [_readings(other, _read(other, place, request.jobs, hook)) for other, place in beside]
    hook(Progress("statistics", 0, 1))
    bootstrap = PatientBootstrap(request.statistics.bootstrap_samples, request.statistics.seed)
    compared = comparison([_readings(plan, results), *others], bootstrap) if others else None
    text = _write(request.output, plan, results, compared)
    hook(Progress("statistics", 1, 1))
    display.result(text, {"output": str(request.output), "cases": len(results)})
    return DONE


def _compared(request: EvaluateRequest) -> list[tuple[str, Path]]:
    """The other models, and where each one's readings go. Raises UsageError where pairs cannot be made."""
    if request.compare and request.split is not None and request.statistics.normals == "every-fold":
        raise UsageError("--compare needs one reading of each case: use --normals rotation")
    return [
        (wish, request.output / COMPARED / f"{number}-{Path(wish).name}")
        for number, wish in enumerate(request.compare, start=2)
    ]


def _require_ensemble(request: EvaluateRequest, plans: Sequence[Plan]) -> None:
    """Raise UsageError where options of nnU-Nets were given and none reads."""
    if (request.folds or not request.mirroring) and not any(plan.has_ensemble for plan in plans):
        raise UsageError("--folds and --no-mirroring are for imported nnU-Nets, and none of these models is one")


def _read(plan: Plan, folder: Path, jobs: int, hook: OnProgress) -> list[CaseResult]:
    """Every reading of a plan; those that are there are not made again."""
    tasks = plan.tasks(folder)
    missing = [task for task in tasks if _result(task) is None]
    make_readings(missing, jobs=jobs, total=len(tasks), on_progress=hook)
    return [result for task in tasks if (result := _result(task)) is not None]


def _readings(plan: Plan, results: Sequence[CaseResult]) -> ModelReadings:
    description = plan.models[0].description
    names = ", ".join(dict.fromkeys(model.description.name for model in plan.models))
    sha256 = ", ".join(model.description.weights_sha256 for model in plan.models)
    return ModelReadings(names, description.engine, sha256, plan.setting.decision, tuple(results))


def _request(arguments: argparse.Namespace) -> EvaluateRequest:
    statistics = StatisticsSettings(normals=arguments.normals)
    if arguments.prevalence:
        statistics = replace(statistics, prevalences=tuple(arguments.prevalence))
    reading = ReadingSettings(whole_volume=arguments.ablation == "whole-volume", protocol=arguments.protocol)
    return from_arguments(
        EvaluateRequest,
        arguments,
        models=tuple(arguments.model),
        compare=tuple(arguments.compare),
        folds=tuple(arguments.folds),
        reading=reading,
        statistics=statistics,
    )


def _result(task: ReadingTask) -> CaseResult | None:
    """A reading that has been made; whose scan it is of is the store's to say, and which fold read it the split's."""
    place = task.assignment
    result = read_result(task.folder, place.name, task.made_of)
    return None if result is None else replace(result, fold=place.fold, patient_id=place.patient_id)


def _write(output: Path, plan: Plan, results: Sequence[CaseResult], compared: Comparison | None) -> str:
    """Everything that is made of the readings. Returns what a person is shown at the end."""
    found = experiment(plan.setting, results)
    write_experiment(found, output / EXPERIMENT)
    write_plots(found, output)
    beside = () if compared is None else (comparison_section(compared),)
    if compared is not None:
        atomic_file.write_json(output / "comparison.json", to_plain(compared))
        atomic_file.write_text(output / "comparison.csv", comparison_csv(compared))
    report = document(found, _write_gallery(output, plan, found), beside)
    atomic_file.write_text(output / "report.md", to_markdown(report))
    atomic_file.write_text(output / "report.html", to_html(report, output))
    text = to_markdown(summary(found, beside))
    atomic_file.write_text(output / "table1.md", text)
    return text


def _write_gallery(output: Path, plan: Plan, found: Experiment) -> list[Picture]:
    """A picture of each scan on the wrong side of the rule, as far as they are shown."""
    wrong = wrong_readings(found.cases, found.setting.decision, GALLERY_LIMIT)
    names = {(place.case_id, place.fold): place.name for place in plan.assignments}
    pictures = []
    for result in wrong:
        name = names[result.case_id, result.fold]
        case = open_case(plan.store, result.patient_id, result.case_id)
        shown = GalleryCase(result, case.ct, case.all_labels, read_labels(output / READINGS, name))
        path = f"{GALLERY}/{name}.png"
        atomic_file.write_bytes(output / path, draw(shown))
        pictures.append(picture(result, path))
    return pictures
