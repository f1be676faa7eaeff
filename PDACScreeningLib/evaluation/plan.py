"""Before the first scan is read: which model reads which case, and whether it may."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

from PDACScreeningLib import __version__
from PDACScreeningLib.config import DecisionRule, ScreeningConfig
from PDACScreeningLib.datasets.split import Split, read_split
from PDACScreeningLib.engines.loading import network_names
from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions
from PDACScreeningLib.errors import DataError, UsageError
from PDACScreeningLib.evaluation import optional_packages
from PDACScreeningLib.evaluation.assignment import Assignment, by_split, patients_tested, without_split
from PDACScreeningLib.evaluation.case_result import row_names
from PDACScreeningLib.evaluation.experiment import DataFact, ExperimentSetup, ModelFact
from PDACScreeningLib.evaluation.found_model import (
    FoundModel,
    found_model,
    require_common_config,
    require_one_for_each_fold,
)
from PDACScreeningLib.evaluation.reading_file import digest
from PDACScreeningLib.evaluation.reading_pool import ReadingTask
from PDACScreeningLib.evaluation.settings import ReadingSettings, StatisticsSettings
from PDACScreeningLib.network.model_description import ModelDescription
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.session.record import config_sha256
from PDACScreeningLib.session.versions import installed_versions
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.store_index import StoredCase
from PDACScreeningLib.training.trained_networks import without_batch_sizes

SEEN = "{} was trained on these very cases; the figures say nothing about cases it has not seen"


@dataclass(frozen=True)
class Plan:
    """What will be read, by whom, and what a person should know before."""

    setting: ExperimentSetup
    warnings: tuple[str, ...]
    store: Path
    models: tuple[FoundModel, ...]
    assignments: tuple[Assignment, ...]
    content_sha256: dict[str, str]  # case id -> of its voxels and labels, on native grids with the size of a voxel
    runtime: Runtime
    ensemble: EnsembleOptions

    @property
    def has_ensemble(self) -> bool:
        """Whether an imported nnU-Net is among the models."""
        return any(model.description.nnunet is not None for model in self.models)

    def tasks(self, folder: Path) -> list[ReadingTask]:
        """One a reading, in the order of the store."""
        return [self._task(assignment, folder) for assignment in self.assignments]

    def _task(self, assignment: Assignment, folder: Path) -> ReadingTask:
        model = self.models[assignment.model]
        is_ensemble = model.description.nnunet is not None
        made_of = digest(
            **_what_doubts(model.description),
            weights=model.description.weights_sha256,
            config=_what_reads(model.config),
            case=self.content_sha256[assignment.case_id],
            settings=self.setting.reading,
            device=self.runtime.device,
            precision=self.runtime.precision,
            **({"ensemble": self.ensemble} if is_ensemble else {}),
        )
        return ReadingTask(
            assignment,
            made_of,
            self.store,
            model.folder,
            model.description.weights_sha256,
            folder,
            self.runtime,
            self.setting.reading,
            self.ensemble if is_ensemble else EnsembleOptions(),
            self.setting.data.working_spacing_mm,
        )


@dataclass(frozen=True)
class PlanRequest:
    """What decides a plan: the store, the models and how they read. models: one, or one for each fold of the split."""

    store: Path
    models: tuple[str, ...]
    split: Path | None
    reading: ReadingSettings
    statistics: StatisticsSettings
    runtime: Runtime
    ensemble: EnsembleOptions = field(default_factory=EnsembleOptions)


def make_plan(request: PlanRequest) -> Plan:
    """Open the store, the split and the models, and see that they belong together.

    Raises UsageError when the number or order of the models does not fit the split, ModelError when they do not fit
    the store or each other, DataError.
    """
    split = None if request.split is None else read_split(request.split)
    store = CaseStore(request.store, None if split is None else patients_tested(split))
    models = tuple(found_model(wish, store) for wish in request.models)
    require_one_for_each_fold(models, split)
    require_common_config(models)
    facts = tuple(
        _model_fact(model, fold, _seen(model, fold, request.store, store, split)) for fold, model in enumerate(models)
    )
    cases = store.index.cases
    assignments = without_split(cases) if split is None else by_split(cases, split, request.statistics.normals)
    own = facts if split is not None else (replace(facts[0], fold=None),)
    return _plan(request, store, split, models, own, assignments)


def plan_beside(plan: Plan, request: PlanRequest, wish: str) -> Plan:
    """Another model, which reads each case of a plan once. Raises as `make_plan`; no fold of it is trained apart."""
    split = None if request.split is None else read_split(request.split)
    store = CaseStore(request.store, None if split is None else patients_tested(split))
    model = found_model(wish, store)
    cases = {
        place.case_id: Assignment(place.case_id, place.case_id, place.patient_id, None) for place in plan.assignments
    }
    fact = replace(_model_fact(model, 0, _seen(model, 0, request.store, store, None)), fold=None)
    alone = replace(request, models=(wish,), split=None)
    return _plan(alone, store, None, (model,), (fact,), tuple(cases.values()))


def _plan(
    request: PlanRequest,
    store: CaseStore,
    split: Split | None,
    models: tuple[FoundModel, ...],
    facts: tuple[ModelFact, ...],
    assignments: tuple[Assignment, ...],
) -> Plan:
    config, runtime = models[0].config, request.runtime
    alone = network_names(models[0].description, request.ensemble)
    if request.reading.whole_volume and models[0].description.nnunet is not None:
        raise UsageError("--ablation whole-volume is about the small networks of the paper; an nnU-Net has none")
    return Plan(
        setting=ExperimentSetup(
            models=facts,
            data=_data_fact(store, split, request.split),
            reading=request.reading,
            statistics=request.statistics,
            row_names=row_names(alone, config),
            config_sha256=config_sha256(what_segments(config)),
            decision=config.decision,
            command=_command(request),
            software={"PDACScreening": __version__, **installed_versions(), **optional_packages.versions()},
            device=runtime.device,
            precision=runtime.precision,
        ),
        warnings=tuple(SEEN.format(fact.name) for fact in facts if fact.trained_on_others is False),
        store=request.store,
        models=models,
        assignments=assignments,
        content_sha256={case.case_id: _content_sha256(case, config) for case in store.index.cases},
        runtime=runtime,
        ensemble=request.ensemble,
    )


def what_segments(config: ScreeningConfig) -> ScreeningConfig:
    """The configuration without what decides no voxel: batch sizes, and the rule that calls."""
    return replace(without_batch_sizes(config), decision=DecisionRule())


def _what_reads(config: ScreeningConfig) -> ScreeningConfig:
    """What a reading depends on: not the threshold of the score, only whether the score decides (ADR 0026)."""
    threshold = None if config.decision.min_score is None else 1.0
    return replace(config, decision=replace(config.decision, min_score=threshold))


def _what_doubts(description: ModelDescription) -> dict[str, Any]:
    """What a model tells that may stand against a negative: a reading holds whether it does."""
    found: dict[str, Any] = {}
    if description.training_range is not None:
        found["training_range"] = description.training_range
    if description.nnunet is not None:
        found["published_score"] = description.nnunet.published_score
    return found


def _seen(model: FoundModel, fold: int, folder: Path, store: CaseStore, split: Split | None) -> bool | None:
    """Whether a model was trained on others than it reads: True, False, or None where its record does not tell.

    A model is several networks: one that saw the cases is enough. Raises UsageError when one was trained for another
    fold.
    """
    if split is None:
        return False if store.sha256 in model.training_sha256 else None
    if _sha256(folder, None) in model.training_sha256:
        return False
    of_fold = [_sha256(folder, split.train_patients(other)) for other in range(len(split.folds))]
    known = model.training_sha256 & frozenset(of_fold) - {""}
    others = sorted(known - {of_fold[fold]}, key=of_fold.index)
    if others:
        raise UsageError(
            f"{model.description.name} was given for fold {fold} and trained for fold {of_fold.index(others[0])}; "
            "give --model once for each fold, in order"
        )
    return True if known and known == model.training_sha256 else None


def _content_sha256(case: StoredCase, config: ScreeningConfig) -> str:
    """What a reading of a case is bound to. The store's digest is of voxels alone, however large they are."""
    if config.working_spacing_mm is not None:
        return case.content_sha256
    return digest(voxels=case.content_sha256, spacing_mm=case.spacing_mm)


def _sha256(folder: Path, patients: frozenset[str] | None) -> str:
    """Digest of these cases of a store; empty when it does not hold them all."""
    try:
        return CaseStore(folder, patients).sha256
    except DataError:
        return ""


def _model_fact(model: FoundModel, fold: int, trained_on_others: bool | None) -> ModelFact:
    description = model.description
    return ModelFact(
        fold=fold,
        name=description.name,
        weights_sha256=description.weights_sha256,
        trained_on=description.trained_on,
        notice=description.notice,
        is_demo=description.is_demo,
        trained_on_others=trained_on_others,
    )


def _data_fact(store: CaseStore, split: Split | None, split_file: Path | None) -> DataFact:
    voxels_mm3 = {round(prod(case.spacing_mm), 6) for case in store.index.cases}
    return DataFact(
        source=store.index.source,
        datasets=tuple(dataset.name for dataset in store.index.datasets),
        sha256=store.sha256,
        voxel_mm3=voxels_mm3.pop() if len(voxels_mm3) == 1 else None,
        working_spacing_mm=store.index.working_spacing_mm,
        split_sha256=None if split_file is None else hashlib.sha256(split_file.read_bytes()).hexdigest(),
        folds=0 if split is None else len(split.folds),
    )


def _command(request: PlanRequest) -> str:
    """What was typed, without the folders of this machine."""
    models = (f"--model {Path(wish).name}" for wish in request.models)
    words = ["pdac-screening", "evaluate", request.store.name, *models]
    if request.split is not None:
        words += [f"--split {request.split.name}", f"--normals {request.statistics.normals}"]
    words.append(f"--protocol {request.reading.protocol}")
    if request.reading.whole_volume:
        words.append("--ablation whole-volume")
    if request.ensemble.folds:
        words.append(f"--folds {' '.join(request.ensemble.folds)}")
    if not request.ensemble.mirroring:
        words.append("--no-mirroring")
    if request.statistics.prevalences != StatisticsSettings().prevalences:
        words += [f"--prevalence {prevalence:g}" for prevalence in request.statistics.prevalences]
    return " ".join(words)
