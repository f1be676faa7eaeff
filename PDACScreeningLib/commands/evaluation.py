"""What `evaluate` does: models against the truth of a case store, and the paper's section 3 of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from PDACScreeningLib import atomic_file
from PDACScreeningLib.commands.evaluation_plan import Plan, make_plan
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.commands.reading import ReadingTask, make_readings, open_case
from PDACScreeningLib.evaluation import extra
from PDACScreeningLib.evaluation.case_result import CaseResult
from PDACScreeningLib.evaluation.document import Picture
from PDACScreeningLib.evaluation.experiment import EXPERIMENT, Experiment, experiment, write_experiment
from PDACScreeningLib.evaluation.gallery import GALLERY, GalleryCase, draw, picture, wrong_readings
from PDACScreeningLib.evaluation.plots import write_plots
from PDACScreeningLib.evaluation.reading_file import read_labels, read_result
from PDACScreeningLib.evaluation.report_document import document, summary
from PDACScreeningLib.evaluation.report_markdown import to_markdown
from PDACScreeningLib.evaluation.report_page import to_html
from PDACScreeningLib.evaluation.settings import ReadingSettings, StatisticsSettings
from PDACScreeningLib.network.runtime import resolve_device
from PDACScreeningLib.progress import Progress

READINGS = "cases"
GALLERY_LIMIT = 12  # misses, and false alarms, that are shown; all are listed


@dataclass(frozen=True)
class EvaluateRequest:
    """What was asked of `evaluate`. models: one, or one for each fold of the split in order."""

    store: Path
    models: tuple[str, ...]
    output: Path
    device: str
    threads: int | None
    jobs: int = 1
    split: Path | None = None
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    statistics: StatisticsSettings = field(default_factory=StatisticsSettings)


def run_evaluate(request: EvaluateRequest, display: Display, interruption: Interruption) -> int:
    """Read every case that has not been read, then compute and write everything from the readings."""
    extra.require()
    if request.threads is not None:
        torch.set_num_threads(request.threads)
    plan = make_plan(
        request.store,
        request.models,
        request.split,
        request.reading,
        request.statistics,
        resolve_device(request.device),
    )
    for warning in plan.warnings:
        display.notice(warning)
    hook = interruption.hook(display.progress)
    folder = request.output / READINGS
    tasks = plan.tasks(folder)
    missing = [task for task in tasks if _result(task) is None]
    make_readings(missing, jobs=request.jobs, total=len(tasks), on_progress=hook)
    results = [result for task in tasks if (result := _result(task)) is not None]
    hook(Progress("statistics", 0, 1))
    text = _write(request.output, plan, results)
    hook(Progress("statistics", 1, 1))
    display.result(text, {"output": str(request.output), "cases": len(results)})
    return 0


def _result(task: ReadingTask) -> CaseResult | None:
    """A reading that has been made; whose scan it is of is the store's to say, and which fold read it the split's."""
    place = task.assignment
    result = read_result(task.folder, place.name, task.made_of)
    return None if result is None else replace(result, fold=place.fold, patient_id=place.patient_id)


def _write(output: Path, plan: Plan, results: Sequence[CaseResult]) -> str:
    """Everything that is made of the readings. Returns what a person is shown at the end."""
    found = experiment(plan.setting, results)
    write_experiment(found, output / EXPERIMENT)
    write_plots(found, output)
    report = document(found, _write_gallery(output, plan, found))
    atomic_file.write_text(output / "report.md", to_markdown(report))
    atomic_file.write_text(output / "report.html", to_html(report, output))
    text = to_markdown(summary(found))
    atomic_file.write_text(output / "table1.md", text)
    return text


def _write_gallery(output: Path, plan: Plan, found: Experiment) -> list[Picture]:
    """A picture of each scan on the wrong side of the rule, as far as they are shown."""
    wrong = wrong_readings(found.cases, found.setting.min_tumor_voxels, GALLERY_LIMIT)
    names = {(place.case_id, place.fold): place.name for place in plan.assignments}
    pictures = []
    for result in wrong:
        name = names[result.case_id, result.fold]
        case = open_case(plan.store, result.patient_id, result.case_id)
        shown = GalleryCase(result, case.ct, case.labels, read_labels(output / READINGS, name))
        path = f"{GALLERY}/{name}.png"
        atomic_file.write_bytes(output / path, draw(shown))
        pictures.append(picture(result, path))
    return pictures
