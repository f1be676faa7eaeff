"""The models that read in an evaluation, each with the numbers that hold on the grid of the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.datasets.split import Split
from PDACScreeningLib.engines.nnunet import config_at
from PDACScreeningLib.errors import ModelError, UsageError
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.network.model_description import ModelDescription, read_description
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.trained_networks import without_batch_sizes


@dataclass(frozen=True)
class FoundModel:
    """A model folder and what it says of itself; the weights are loaded when they are needed.

    config: with the numbers that hold on the grid of the store.
    """

    folder: Path
    description: ModelDescription
    config: ScreeningConfig

    @property
    def training_sha256(self) -> frozenset[str]:
        """Digests of the cases its networks were trained on; "" stands for a network of which it does not say."""
        training = self.description.training
        sizes = (str(scale.patch_size) for scale in self.description.config.scales)
        return frozenset(training.get(size, {}).get("store_sha256", "") for size in sizes)


def found_model(wish: str, store: CaseStore) -> FoundModel:
    """The model of a name or folder. Raises UsageError when there is none, ModelError when it cannot read the store."""
    folder = find_model(wish).folder
    description = read_description(folder)
    return FoundModel(folder, description, _config_on(store, description))


def _config_on(store: CaseStore, description: ModelDescription) -> ScreeningConfig:
    """The model's configuration on the grid of the store. Raises ModelError when it cannot read on that grid."""
    stored, config = store.index.working_spacing_mm, description.config
    if description.nnunet is None:
        store.index.require_window(config.intensity)
    elif store.index.hu_clip is not None:
        raise ModelError(f"{description.name} looks at all Hounsfield units, the store was clipped with --clip-hu")
    if description.nnunet is not None:
        volumes = {round(prod(case.spacing_mm), 6) for case in store.index.cases}
        if len(volumes) != 1:
            raise ModelError(
                f"{description.name} counts by volume, and the voxels of the store differ in size; prepare it with one "
                "--working-spacing-mm"
            )
        return config_at(config, description.nnunet, volumes.pop())
    if stored != config.working_spacing_mm:
        wanted = config.working_spacing_mm
        raise ModelError(f"the store lies on a {stored} mm grid, the model works on {wanted} mm; prepare it again")
    return config


def require_one_for_each_fold(models: Sequence[FoundModel], split: Split | None) -> None:
    """Raise UsageError unless there is a model for each fold, or one where there are none."""
    wanted = 1 if split is None else len(split.folds)
    if len(models) != wanted:
        why = "without --split one model reads all cases" if split is None else "--split asks for one for each fold"
        raise UsageError(f"{len(models)} models were given, {wanted} expected: {why}; repeat --model in fold order")


def require_common_config(models: Sequence[FoundModel]) -> None:
    """Raise ModelError unless the models answer by the same numbers."""
    first = models[0]
    for model in models[1:]:
        if without_batch_sizes(model.config) != without_batch_sizes(first.config):
            raise ModelError(
                f"{first.description.name} and {model.description.name} have different configurations; "
                "the models of the folds must be trained with the same options"
            )
