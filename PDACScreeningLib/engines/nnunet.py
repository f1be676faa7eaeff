"""An imported nnU-Net as an engine: one or two steps, the mean of its folds, pancreas and tumor on the scan's grid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from PDACScreeningLib.config import ProtocolName, ScreeningConfig, WindowSpec
from PDACScreeningLib.engines.nnunet_answer import fold_evidence, segmentation_of
from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions, FoldRun, LogitSum, chosen_folds, same_folds
from PDACScreeningLib.engines.nnunet_region import coarse_image, region_of
from PDACScreeningLib.engines.nnunet_step import answer_of, prepare
from PDACScreeningLib.engines.nnunet_windows import window_count
from PDACScreeningLib.inference.coarse_to_fine import Segmentation, is_near_the_rule, named_apart
from PDACScreeningLib.network.nnunet_model import CoarseStep, NnunetModel
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.progress import OnProgress
from PDACScreeningLib.protocol import Ensemble
from PDACScreeningLib.training_range import TrainingRange
from PDACScreeningLib.volume.anatomy import STRUCTURES_BY_NAME
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

NO_PANCREAS = (
    "{} found no pancreas; check that the scan shows the upper abdomen in the portal venous phase and that the model "
    "suits it. This is not a normal result."
)
_SAME_VOLUME = 1e-6  # of a voxel: K voxels of the model's grid are K voxels of the same grid


@dataclass(frozen=True)
class NnunetEngine:
    """See `inference.engine.Engine`. Weights are read fold by fold while a scan is screened: one is held at a time.

    folder: of the model. memory_steps: filled while scans are screened. `options` name folds that the model has.
    """

    folder: Path
    model: NnunetModel
    config: ScreeningConfig
    runtime: Runtime
    options: EnsembleOptions
    memory_steps: list[str]

    def __post_init__(self) -> None:
        chosen_folds(self.model.fine, self.options.folds)

    @property
    def network_names(self) -> tuple[str, ...]:
        return tuple(f"fold {fold.name}" for fold in chosen_folds(self.model.fine, self.options.folds))

    @property
    def training_range(self) -> TrainingRange | None:
        return None  # no published folder tells it

    @property
    def no_pancreas(self) -> str:
        return NO_PANCREAS.format("The network" if self.model.coarse is None else "The first step")

    def config_on(self, working: Geometry) -> ScreeningConfig:
        return config_at(self.config, self.model, working.voxel_volume_mm3)

    def windows(self, protocol: ProtocolName) -> tuple[WindowSpec, ...]:
        return ()

    def ensemble(self, working: Geometry) -> Ensemble:
        return Ensemble(
            folds=tuple(fold.name for fold in chosen_folds(self.model.fine, self.options.folds)),
            mirrored=self.options.mirroring and bool(self.model.fine.mirror_axes),
            steps=1 if self.model.coarse is None else 2,
            spacing_mm_xyz=self.model.fine.spacing_mm_xyz,
            min_tumor_voxels=self.config.decision.min_tumor_voxels,
            published_score=self.model.published_score,
        )

    def segment(
        self, ct: CTVolume, on_progress: OnProgress, *, protocol: ProtocolName = "exact"
    ) -> Segmentation | None:
        """There is one protocol, whichever is asked for. ct: (z, y, x) along (L, P, S)."""
        config = self.config_on(ct.geometry)
        found = self._segmented(ct, config, self.runtime, on_progress)
        if self.runtime.precision == "fp32" or not is_near_the_rule(found, config):
            return found
        del found  # memory for the second
        hook = named_apart(on_progress, "full precision")
        again = self._segmented(ct, config, replace(self.runtime, precision="fp32"), hook)
        return None if again is None else replace(again, in_full_precision=True)

    def _segmented(
        self, ct: CTVolume, config: ScreeningConfig, runtime: Runtime, on_progress: OnProgress
    ) -> Segmentation | None:
        coarse, roi = self.model.coarse, Box((0, 0, 0), ct.geometry.shape)
        if coarse is not None:
            region = self._region(ct, coarse, runtime, on_progress)
            if region is None:
                return None
            roi = region
        run = self.fine_run(runtime)
        image = prepare(ct.hu[roi.slices].astype(np.float32), ct.geometry.spacing_mm, run.step)
        evidence = partial(
            fold_evidence, step=run.step, windows=window_count(image.data.shape, run.step.patch_size), config=config
        )
        scales, total = [], LogitSum()
        for fold, logits in run.logits(image, "nnU-Net" if coarse is None else "second step", on_progress):
            if len(run.folds) > 1:
                scales.append(evidence(fold, answer_of(logits, image, run.step)))
            total.add(logits)
        answer = answer_of(total.mean(), image, run.step)
        if not scales:
            scales.append(evidence(run.folds[0], answer))
        looked_at = tuple(STRUCTURES_BY_NAME[name] for name, _ in run.step.labels.anatomy)
        return segmentation_of(answer, roi, tuple(scales), ct, config, one_step=coarse is None, looked_at=looked_at)

    def fine_run(self, runtime: Runtime) -> FoldRun:
        """The chosen folds of the network that answers, ready to run."""
        step = self.model.fine
        folds = chosen_folds(step, self.options.folds)
        return FoldRun(self.folder, step, folds, self.options.mirroring, runtime, self.memory_steps)

    def _region(self, ct: CTVolume, coarse: CoarseStep, runtime: Runtime, on_progress: OnProgress) -> Box | None:
        """Where the first step finds a pancreas, grown by its margins."""
        hu, spacing = coarse_image(ct.hu.astype(np.float32), ct.geometry.spacing_mm, coarse)
        folds = same_folds(coarse.step, chosen_folds(self.model.fine, self.options.folds))
        run = FoldRun(self.folder, coarse.step, folds, self.options.mirroring, runtime, self.memory_steps)
        image = prepare(hu, spacing, coarse.step)
        found = answer_of(run.mean_logits(image, "first step", on_progress), image, coarse.step)
        mask = found.labels != Label.BACKGROUND
        return region_of(mask, spacing, ct.geometry.shape, ct.geometry.spacing_mm, coarse.margin_mm_xyz)


def config_at(config: ScreeningConfig, model: NnunetModel, voxel_mm3: float) -> ScreeningConfig:
    """K is a number of voxels of the model's grid; on a grid of other voxels, as many as have its volume."""
    needed = config.decision.min_tumor_voxels * model.fine.voxel_mm3 / voxel_mm3
    voxels = max(1, math.ceil(needed - _SAME_VOLUME))
    return replace(config, decision=replace(config.decision, min_tumor_voxels=voxels))
