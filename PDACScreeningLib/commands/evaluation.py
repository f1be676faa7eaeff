"""What `evaluate` does: models against the truth of a case store, and the paper's section 3 of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from PDACScreeningLib.commands.evaluation_plan import Plan, make_plan
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.commands.reading import ReadingTask, make_readings
from PDACScreeningLib.evaluation import extra
from PDACScreeningLib.evaluation.case_result import CaseResult
from PDACScreeningLib.evaluation.experiment import EXPERIMENT, experiment, write_experiment
from PDACScreeningLib.evaluation.reading_file import read_result
from PDACScreeningLib.evaluation.settings import ReadingSettings, StatisticsSettings
from PDACScreeningLib.network.runtime import resolve_device
from PDACScreeningLib.progress import Progress

READINGS = "cases"


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
    return read_result(task.folder, task.assignment.name, task.made_of)


def _write(output: Path, plan: Plan, results: Sequence[CaseResult]) -> str:
    """Everything that is made of the readings. Returns what a person is shown at the end."""
    found = experiment(plan.setting, results)
    write_experiment(found, output / EXPERIMENT)
    return ""
