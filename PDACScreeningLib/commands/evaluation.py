"""What `evaluate` does: a model against the truth of a case store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from PDACScreeningLib import __version__, atomic_file
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.evaluation import size_strata, table1
from PDACScreeningLib.evaluation.case_result import CaseResult, evaluate_case
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.network.model_directory import Model, load_model
from PDACScreeningLib.network.runtime import Runtime, resolve_device
from PDACScreeningLib.network.window_predictor import window_predictors
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.progress import Progress
from PDACScreeningLib.screening_result import RESEARCH_NOTICE
from PDACScreeningLib.training.case_store import CaseStore


@dataclass(frozen=True)
class EvaluateRequest:
    """What was asked of `evaluate`."""

    store: Path
    model: str
    output: Path
    device: str
    threads: int | None


def run_evaluate(request: EvaluateRequest, display: Display, interruption: Interruption) -> int:
    """Screen every case of the store and write experiment.json and table1.md."""
    if request.threads is not None:
        torch.set_num_threads(request.threads)
    store, model = CaseStore(request.store), load_model(find_model(request.model).folder)
    _require_same_grid(store, model)
    runtime = resolve_device(request.device)
    results = _evaluate_cases(store, model, runtime, display, interruption)
    facts = _experiment(store, model, runtime, results)
    atomic_file.write_json(request.output / "experiment.json", facts)
    text = _summary(store, model, results)
    atomic_file.write_text(request.output / "table1.md", text)
    display.result(text, {"output": str(request.output), "cases": len(results)})
    return 0


def _evaluate_cases(
    store: CaseStore, model: Model, runtime: Runtime, display: Display, interruption: Interruption
) -> list[CaseResult]:
    networks, hook = window_predictors(model, runtime), interruption.hook(display.progress)
    results = []
    for done, case in enumerate(store.cases):
        hook(Progress("evaluating cases", done, len(store.cases)))
        results.append(
            evaluate_case(case.facts.case_id, case.ct, case.labels, networks, model.config, interruption.check)
        )
    hook(Progress("evaluating cases", len(store.cases), len(store.cases)))
    return results


def _require_same_grid(store: CaseStore, model: Model) -> None:
    stored, wanted = store.index.working_spacing_mm, model.config.working_spacing_mm
    if stored != wanted:
        raise ModelError(f"the store lies on a {stored} mm grid, the model works on {wanted} mm; prepare it again")


def _experiment(store: CaseStore, model: Model, runtime: Runtime, results: list[CaseResult]) -> dict[str, object]:
    min_tumor_voxels = model.config.decision.min_tumor_voxels
    return {
        "format_version": 1,
        "notice": RESEARCH_NOTICE,
        "software": f"PDACScreening {__version__}",
        "device": runtime.device,
        "precision": runtime.precision,
        "model": {"name": model.description.name, "weights_sha256": model.description.weights_sha256},
        "store": {"source": store.index.source, "sha256": store.sha256, "cases": len(store.cases)},
        "min_tumor_voxels": min_tumor_voxels,
        "table1": to_plain(table1.table1(results, min_tumor_voxels)),
        "size_strata": to_plain(size_strata.size_strata(results, min_tumor_voxels)),
        "cases": to_plain(results),
    }


def _summary(store: CaseStore, model: Model, results: list[CaseResult]) -> str:
    empty = sum(not result.coarse_found for result in results)
    with_tumor = sum(result.has_tumor for result in results)
    min_tumor_voxels = model.config.decision.min_tumor_voxels
    return (
        f"Model {model.description.name} on {len(results)} cases ({with_tumor} with a tumor; {store.index.source}).\n"
        f"K = {min_tumor_voxels} voxels. The coarse scan was empty in {empty}. "
        f"In parentheses: 95 % Wilson intervals.\n\n"
        f"{table1.to_markdown(table1.table1(results, min_tumor_voxels))}\n"
        f"By the longest true diameter:\n\n"
        f"{size_strata.to_markdown(size_strata.size_strata(results, min_tumor_voxels))}\n{RESEARCH_NOTICE}\n"
    )
