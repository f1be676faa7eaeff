"""Before the first scan is read: which model reads which case, and whether it may."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from PDACScreeningLib import __version__
from PDACScreeningLib.config import DecisionRule, ScreeningConfig
from PDACScreeningLib.datasets.split import Split, read_split
from PDACScreeningLib.errors import DataError, ModelError, UsageError
from PDACScreeningLib.evaluation import optional_packages
from PDACScreeningLib.evaluation.assignment import Assignment, by_split, patients_tested, without_split
from PDACScreeningLib.evaluation.case_result import row_names
from PDACScreeningLib.evaluation.experiment import DataFact, ExperimentSetup, ModelFact
from PDACScreeningLib.evaluation.reading_file import digest
from PDACScreeningLib.evaluation.reading_pool import ReadingTask
from PDACScreeningLib.evaluation.settings import ReadingSettings, StatisticsSettings
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.network.model_description import ModelDescription, read_description
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.session.record import config_sha256, installed_versions
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.store_index import StoredCase
from PDACScreeningLib.training.trained_networks import without_batch_sizes

SEEN = "{} was trained on these very cases; the figures say nothing about cases it has not seen"


@dataclass(frozen=True)
class FoundModel:
    """A model folder and what it says of itself; the weights are loaded when they are needed."""

    folder: Path
    description: ModelDescription

    @property
    def training_sha256(self) -> frozenset[str]:
        """Digests of the cases its networks were trained on; "" stands for a network of which it does not say."""
        training = self.description.training
        sizes = (str(scale.patch_size) for scale in self.description.config.scales)
        return frozenset(training.get(size, {}).get("store_sha256", "") for size in sizes)


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

    def tasks(self, folder: Path) -> list[ReadingTask]:
        """One a reading, in the order of the store."""
        return [self._task(assignment, folder) for assignment in self.assignments]

    def _task(self, assignment: Assignment, folder: Path) -> ReadingTask:
        model = self.models[assignment.model]
        made_of = digest(
            weights=model.description.weights_sha256,
            config=_what_reads(model.description.config),
            case=self.content_sha256[assignment.case_id],
            settings=self.setting.reading,
            device=self.runtime.device,
            precision=self.runtime.precision,
        )
        sha256 = model.description.weights_sha256
        return ReadingTask(
            assignment, made_of, self.store, model.folder, sha256, folder, self.runtime, self.setting.reading
        )


def make_plan(
    store_folder: Path,
    wishes: Sequence[str],
    split_file: Path | None,
    reading: ReadingSettings,
    statistics: StatisticsSettings,
    runtime: Runtime,
) -> Plan:
    """Open the store, the split and the models, and see that they belong together.

    Raises UsageError when the number or order of the models does not fit the split, ModelError when they do not fit
    the store or each other, DataError.
    """
    split = None if split_file is None else read_split(split_file)
    store = CaseStore(store_folder, None if split is None else patients_tested(split))
    models = tuple(_found(wish) for wish in wishes)
    _require_one_for_each_fold(models, split)
    config = _common_config(models)
    _require_same_grid(store, config)
    facts = tuple(
        _model_fact(model, fold, _seen(model, fold, store_folder, store, split)) for fold, model in enumerate(models)
    )
    cases = store.index.cases
    assignments = without_split(cases) if split is None else by_split(cases, split, statistics.normals)
    return Plan(
        setting=ExperimentSetup(
            models=facts if split is not None else (replace(facts[0], fold=None),),
            data=_data_fact(store, split, split_file),
            reading=reading,
            statistics=statistics,
            row_names=row_names(config),
            config_sha256=config_sha256(what_segments(config)),
            decision=config.decision,
            command=_command(store_folder, wishes, split_file, reading, statistics),
            software={"PDACScreening": __version__, **installed_versions(), **optional_packages.versions()},
            device=runtime.device,
            precision=runtime.precision,
        ),
        warnings=tuple(SEEN.format(fact.name) for fact in facts if fact.trained_on_others is False),
        store=store_folder,
        models=models,
        assignments=assignments,
        content_sha256={case.case_id: _content_sha256(case, config) for case in cases},
        runtime=runtime,
    )


def what_segments(config: ScreeningConfig) -> ScreeningConfig:
    """The configuration without what decides no voxel: batch sizes, and the rule that calls."""
    return replace(without_batch_sizes(config), decision=DecisionRule())


def _what_reads(config: ScreeningConfig) -> ScreeningConfig:
    """What a reading depends on: not the threshold of the score, only whether the score decides (ADR 0026)."""
    threshold = None if config.decision.min_score is None else 1.0
    return replace(config, decision=replace(config.decision, min_score=threshold))


def _found(wish: str) -> FoundModel:
    folder = find_model(wish).folder
    return FoundModel(folder, read_description(folder))


def _require_one_for_each_fold(models: Sequence[FoundModel], split: Split | None) -> None:
    wanted = 1 if split is None else len(split.folds)
    if len(models) != wanted:
        why = "without --split one model reads all cases" if split is None else "--split asks for one for each fold"
        raise UsageError(f"{len(models)} models were given, {wanted} expected: {why}; repeat --model in fold order")


def _common_config(models: Sequence[FoundModel]) -> ScreeningConfig:
    config = models[0].description.config
    for model in models[1:]:
        if without_batch_sizes(model.description.config) != without_batch_sizes(config):
            raise ModelError(
                f"{models[0].description.name} and {model.description.name} have different configurations; "
                "the models of the folds must be trained with the same options"
            )
    return config


def _require_same_grid(store: CaseStore, config: ScreeningConfig) -> None:
    stored, wanted = store.index.working_spacing_mm, config.working_spacing_mm
    store.index.require_window(config.intensity)
    if stored != wanted:
        raise ModelError(f"the store lies on a {stored} mm grid, the model works on {wanted} mm; prepare it again")


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


def _command(
    store: Path,
    wishes: Sequence[str],
    split_file: Path | None,
    reading: ReadingSettings,
    statistics: StatisticsSettings,
) -> str:
    """What was typed, without the folders of this machine."""
    words = ["pdac-screening", "evaluate", store.name, *(f"--model {Path(wish).name}" for wish in wishes)]
    if split_file is not None:
        words += [f"--split {split_file.name}", f"--normals {statistics.normals}"]
    words.append(f"--protocol {reading.protocol}")
    if reading.whole_volume:
        words.append("--ablation whole-volume")
    if statistics.prevalences != StatisticsSettings().prevalences:
        words += [f"--prevalence {prevalence:g}" for prevalence in statistics.prevalences]
    return " ".join(words)
