"""From an experiment to what a model says of itself."""

from __future__ import annotations

from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.evaluation.estimates import Proportion
from PDACScreeningLib.evaluation.experiment import Experiment
from PDACScreeningLib.network.measured_performance import MeasuredPerformance, MeasuredShare


def measured_performance(found: Experiment, weights_sha256: str, experiment_sha256: str) -> MeasuredPerformance:
    """The figures of all networks together for the model with these weights.

    Raises ModelError when the experiment measured other weights, unless it is a cross-validation, whose models stand
    for one trained in the same way, and when a model read the very cases it was trained on.
    """
    if any(model.trained_on_others is False for model in found.setting.models):
        raise ModelError(
            "the experiment read the very cases its model was trained on, so its figures say nothing of others; "
            "evaluate the model on cases it has not seen"
        )
    these_weights = {model.weights_sha256 for model in found.setting.models} == {weights_sha256}
    if not these_weights and found.setting.data.folds < 2:
        raise ModelError(
            f"the experiment measured the weights {found.setting.models[0].weights_sha256[:16]}..., this model has "
            f"{weights_sha256[:16]}...; evaluate this model"
        )
    row = found.combined
    return MeasuredPerformance(
        source=found.setting.data.source,
        is_synthetic=found.setting.data.is_synthetic,
        cases_sha256=found.setting.data.sha256,
        patients=found.counts.patients,
        folds=found.setting.data.folds,
        these_weights=these_weights,
        min_tumor_voxels=found.setting.min_tumor_voxels,
        sensitivity=_share(row.sensitivity),
        specificity=_share(row.specificity),
        auc=row.auc.value,
        auc_low=row.auc.low,
        auc_high=row.auc.high,
        experiment_sha256=experiment_sha256,
        trained_on_others=None if any(m.trained_on_others is None for m in found.setting.models) else True,
        every_fold=found.setting.data.folds > 1 and found.setting.statistics.normals == "every-fold",
        protocol=found.setting.reading.protocol,
    )


def _share(proportion: Proportion) -> MeasuredShare:
    return MeasuredShare(proportion.count, proportion.total, proportion.low, proportion.high)
