"""Training configurations by name: the paper's, and a short one of ours for small networks on a CPU."""

from dataclasses import replace

from PDACScreeningLib.config import (
    PAPER_SCALES,
    LossSpec,
    NetworkSpec,
    OptimizerSpec,
    PatchSampling,
    ScaleSpec,
    ScreeningConfig,
    TrainingConfig,
)

RECIPES = ("paper", "short")

# Mini-batches that a CPU turns over in about a second at base width 8.
_SHORT_BATCH_SIZES = {64: 4, 32: 24, 16: 128}
_SHORT_BATCH_VOXELS = 4 * 64**3  # at most so many, for a window of another size
_SHORT_ROI_SHARE = 2 / 3  # fewer 64^3 patches in all, so more of them where there is something to learn


def paper_recipe(working_spacing_mm: float | None) -> TrainingConfig:
    """Section 2.2 as it stands: SGD, cross-entropy, 80,000 iterations."""
    return TrainingConfig(screening=ScreeningConfig(working_spacing_mm=working_spacing_mm))


def short_recipe(working_spacing_mm: float | None, *, base_width: int, iterations: int) -> TrainingConfig:
    """Ours, for hundreds of iterations instead of 80,000 (ADR 0008).

    AdamW; weighted cross-entropy plus soft Dice; heads that start at the log class frequencies and LeakyReLU, without
    which a short training can settle where every last-layer feature of the foreground is off and the tumor
    probability is one constant; augmentation after a warm start of a tenth of the iterations.
    """
    scales = tuple(replace(scale, batch_size=_short_batch_size(scale)) for scale in PAPER_SCALES)
    screening = ScreeningConfig(
        scales=scales,
        network=NetworkSpec(base_width=base_width, negative_slope=0.01),
        working_spacing_mm=working_spacing_mm,
    )
    return TrainingConfig(
        screening=screening,
        optimizer=OptimizerSpec(name="adamw", learning_rate=0.003, weight_decay=0.01, warmup_iterations=30),
        loss=LossSpec(class_weights=(1.0, 2.0, 6.0), dice_weight=1.0, prior_bias=True),
        sampling=PatchSampling(coarse_roi_share=_SHORT_ROI_SHARE),
        iterations=iterations,
        augmentation_start=iterations // 10,
    )


def _short_batch_size(scale: ScaleSpec) -> int:
    few = max(1, min(scale.batch_size, _SHORT_BATCH_VOXELS // scale.patch_size**3))
    return _SHORT_BATCH_SIZES.get(scale.patch_size, few)
