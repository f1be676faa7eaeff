"""Every number of the paper, as frozen values. The defaults are the paper; `ours:` marks what it leaves open.

Standard library only, so that every other module, and Slicer's own process, may read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

NUM_CLASSES = 3  # background, pancreas, tumor (section 2.1)

ProtocolName = Literal["exact", "fast"]  # every window of the paper, or few large ones (ADR 0017)
PROTOCOLS: tuple[ProtocolName, ...] = ("exact", "fast")
DEFAULT_PROTOCOL: ProtocolName = "exact"

EngineName = Literal[
    "zhu2019", "nnunet-v2"
]  # s in y = c(s(X)): the paper's networks, or an imported nnU-Net (ADR 0034)

Combination = Literal["mean", "log_mean"]  # "the predictions of three networks are averaged", or their logs
COMBINATIONS: tuple[Combination, ...] = ("mean", "log_mean")
# What can be asked of the machine, as opposed to the method.
DEVICES = ("auto", "cpu", "cuda", "mps")  # "auto": a GPU if there is one
PRECISIONS = ("auto", "fp32", "bf16", "fp16")  # "auto": the device's fast one


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(sentence)


@dataclass(frozen=True)
class WindowSpec:
    """How windows cover a volume in testing. A window of the size it was trained with: the paper's; larger: ours."""

    size: int  # side of the cube, voxels
    stride: int  # from one window to the next, voxels
    margin: int = 0  # ours: voxels behind a face inside the volume that do not count, since zero padding is near

    @classmethod
    def of_paper(cls, scale: ScaleSpec) -> WindowSpec:
        """ "We slide a 64^3 window ... the spatial stride is 20", and so on (section 2.3)."""
        return cls(scale.patch_size, scale.stride)

    def __post_init__(self) -> None:
        _require(0 <= 2 * self.margin < self.size, f"a margin of {self.margin} leaves nothing of {self.size} voxels")
        reach = self.size - 2 * self.margin
        _require(1 <= self.stride <= reach, f"stride must lie in 1..{reach}, got {self.stride}")


@dataclass(frozen=True)
class ScaleSpec:
    """One of the three networks: what it sees, how it slides, how it learns (sections 2.2, 2.3, Fig. 2)."""

    patch_size: int  # side of the cube, voxels: 64, 32, 16
    stride: int  # of the sliding window, voxels: 20, 10, 5
    batch_size: int  # patches in a training mini-batch: 16, 32, 128
    loss_weights: tuple[float, ...]  # (auxiliary #1, (auxiliary #2,)) main: 1:2:5 or 1:3

    def __post_init__(self) -> None:
        _require(
            8 <= self.patch_size <= 512 and self.patch_size % 8 == 0,
            f"patch_size must be a multiple of 8 up to 512, got {self.patch_size}",
        )
        _require(1 <= self.stride <= self.patch_size, f"stride must lie in 1..{self.patch_size}, got {self.stride}")
        _require(self.batch_size >= 1, f"batch_size must be at least 1, got {self.batch_size}")
        _require(1 <= len(self.loss_weights) <= 3, f"at most two auxiliary losses, got weights {self.loss_weights}")
        _require(min(self.loss_weights) > 0, f"loss weights must be positive, got {self.loss_weights}")


PAPER_SCALES = (
    ScaleSpec(patch_size=64, stride=20, batch_size=16, loss_weights=(1.0, 2.0, 5.0)),
    ScaleSpec(patch_size=32, stride=10, batch_size=32, loss_weights=(1.0, 3.0)),
    ScaleSpec(patch_size=16, stride=5, batch_size=128, loss_weights=(1.0, 3.0)),
)


@dataclass(frozen=True)
class NetworkSpec:
    """Width and activation of the encoder-decoder (Fig. 2; the picture's channel numbers are not in the text)."""

    base_width: int = 32  # ours: channels at full resolution, doubled at each of the three poolings (ADR 0001)
    negative_slope: float = 0.0  # 0 is the paper's ReLU; ours: 0.01 keeps a short training's features alive (ADR 0008)

    def __post_init__(self) -> None:
        _require(1 <= self.base_width <= 1024, f"base_width must lie in 1..1024, got {self.base_width}")
        _require(0 <= self.negative_slope < 1, f"negative_slope must lie in [0, 1), got {self.negative_slope}")


@dataclass(frozen=True)
class HUWindow:
    """Clipping and scaling of Hounsfield units before the network."""

    lower_hu: float = -100.0  # ours: the authors' group clips to [-100, 240] (ADR 0003)
    upper_hu: float = 240.0
    mean_hu: float = 70.0  # ours: fixed, so that a scan's answer does not depend on its field of view (ADR 0003)
    std_hu: float = 170.0  # ours: with mean 70 this maps the window to [-1, 1]

    def __post_init__(self) -> None:
        _require(self.lower_hu < self.upper_hu, f"HU window is empty: {self.lower_hu} to {self.upper_hu}")
        _require(self.std_hu > 0, f"std_hu must be positive, got {self.std_hu}")


@dataclass(frozen=True)
class ComponentFilter:
    """Which connected components survive (section 2.3)."""

    min_fraction: float = 0.2  # a component stays if it is larger than this share of the largest: 20 %

    def __post_init__(self) -> None:
        _require(0 <= self.min_fraction < 1, f"min_fraction must lie in [0, 1), got {self.min_fraction}")


@dataclass(frozen=True)
class DecisionRule:
    """When a volume is called suspicious: from K tumor voxels on (section 2.3), or from a score on (section 3.3)."""

    min_tumor_voxels: int = 50  # K; the paper finds up to 1500 equivalent. Counted on the working grid
    min_score: float | None = None  # called from this score on (section 3.3); none: K decides (ADR 0024)

    def __post_init__(self) -> None:
        _require(self.min_tumor_voxels >= 1, f"min_tumor_voxels must be at least 1, got {self.min_tumor_voxels}")
        if self.min_score is not None:
            _require(0 < self.min_score <= 1, f"min_score must lie in (0, 1], got {self.min_score}")

    def calls(self, tumor_voxels: int, score: float | None) -> bool:
        """Whether a scan is called suspicious. Without a score, which labels alone do not have, K decides."""
        if self.min_score is None or score is None:
            return tumor_voxels >= self.min_tumor_voxels
        return score >= self.min_score


@dataclass(frozen=True)
class AssessmentRule:
    """When the absence of a tumor is believed. The paper calls every scan below K a normal; we ask for a pancreas."""

    min_pancreas_ml: float = 15.0  # ours: with less pancreas segmented, the gland was missed (ADR 0019)

    def __post_init__(self) -> None:
        _require(self.min_pancreas_ml >= 0, f"min_pancreas_ml must not be negative, got {self.min_pancreas_ml}")


@dataclass(frozen=True)
class ScoreWeights:
    """The weighted sum of tumor voxel count and mean tumor probability (section 3.3)."""

    count_weight: float = 0.5  # ours: weight of the count, a in s = a n/(n + K) + (1 - a) p (ADR 0006)

    def __post_init__(self) -> None:
        _require(0 <= self.count_weight <= 1, f"count_weight must lie in [0, 1], got {self.count_weight}")


@dataclass(frozen=True)
class ScreeningConfig:
    """Everything that decides a scan's answer. Travels in the model directory; never holds the machine's settings."""

    scales: tuple[ScaleSpec, ...] = PAPER_SCALES  # the first is the coarse scan
    network: NetworkSpec = field(default_factory=NetworkSpec)
    working_spacing_mm: float | None = 1.0  # ours: isotropic working grid; None = native voxels (ADR 0002)
    intensity: HUWindow = field(default_factory=HUWindow)
    roi_margin_voxels: int = 32  # the box of all pancreas and tumor voxels is padded by 32
    body_threshold_hu: float = -500.0  # ours: windows without a voxel above it are skipped (ADR 0005)
    combination: Combination = "mean"  # of the networks' probabilities; "log_mean": ours, an alternative (ADR 0025)
    min_tumor_probability: float = 0.0  # ours: a voxel is tumor only above it; 0 is the paper's argmax (ADR 0025)
    components: ComponentFilter = field(default_factory=ComponentFilter)
    decision: DecisionRule = field(default_factory=DecisionRule)
    score: ScoreWeights = field(default_factory=ScoreWeights)
    assessment: AssessmentRule = field(default_factory=AssessmentRule)
    precision_margin_factor: float = 1.5  # ours: between K / 1.5 and 1.5 K voxels, fp32 decides again (ADR 0026)
    close_call_factor: float = 5.0  # ours: below so many times K, but not 0, "fast" goes on to "exact" (ADR 0017)

    def __post_init__(self) -> None:
        _require(self.close_call_factor >= 1, f"close_call_factor must be at least 1, got {self.close_call_factor}")
        _require(self.precision_margin_factor >= 1, "precision_margin_factor must be at least 1")
        _require(self.combination in COMBINATIONS, f"combination must be one of {COMBINATIONS}, got {self.combination}")
        _require(0 <= self.min_tumor_probability < 1, "min_tumor_probability must lie in [0, 1)")
        _require(len(self.scales) >= 1, "at least one scale is needed")
        sizes = [scale.patch_size for scale in self.scales]
        _require(sizes == sorted(set(sizes), reverse=True), f"scales must go from coarse to fine, got {sizes}")
        _require(self.roi_margin_voxels >= 0, f"roi_margin_voxels must not be negative, got {self.roi_margin_voxels}")
        _require(self.working_spacing_mm is None or self.working_spacing_mm > 0, "working_spacing_mm must be positive")


@dataclass(frozen=True)
class PatchSampling:
    """How training patches are drawn (section 2.2)."""

    roi_margin_voxels: int = 32  # around the minimal 3D bounding box covering the entire pancreas
    min_tumor_fraction: float = 0.001  # ours: from this share of tumor voxels on, a tumor patch (ADR 0004)
    min_pancreas_fraction: float = 0.01  # ours: else, from this share of pancreas voxels on, a pancreas patch
    coarse_roi_share: float = 0.5  # ours: share of 64^3 patches drawn in the ROI by type, the rest anywhere (ADR 0004)

    def __post_init__(self) -> None:
        _require(self.roi_margin_voxels >= 0, f"roi_margin_voxels must not be negative, got {self.roi_margin_voxels}")
        for share in (self.min_tumor_fraction, self.min_pancreas_fraction, self.coarse_roi_share):
            _require(0 <= share <= 1, f"fractions must lie in [0, 1], got {share}")


@dataclass(frozen=True)
class OptimizerSpec:
    """Gradient descent (section 2.2)."""

    name: Literal["sgd", "adamw"] = "sgd"  # ours: adamw for short trainings (ADR 0008)
    learning_rate: float = 0.01  # base; decayed polynomially
    power: float = 0.9  # of the polynomial decay
    momentum: float = 0.9
    weight_decay: float = 0.0005
    warmup_iterations: int = 0  # ours: linear rise at the start (ADR 0008)

    def __post_init__(self) -> None:
        _require(self.name in ("sgd", "adamw"), f"optimizer must be sgd or adamw, got {self.name}")
        _require(self.learning_rate > 0, f"learning_rate must be positive, got {self.learning_rate}")
        _require(self.power > 0, f"power must be positive, got {self.power}")
        _require(0 <= self.momentum < 1, f"momentum must lie in [0, 1), got {self.momentum}")
        _require(self.weight_decay >= 0, f"weight_decay must not be negative, got {self.weight_decay}")
        _require(self.warmup_iterations >= 0, f"warmup_iterations must not be negative, got {self.warmup_iterations}")


@dataclass(frozen=True)
class LossSpec:
    """Voxel-wise cross-entropy (Fig. 2), and what our short schedule adds to it."""

    class_weights: tuple[float, float, float] = (1.0, 1.0, 1.0)  # ours: unequal weights for short trainings (ADR 0008)
    dice_weight: float = 0.0  # ours: soft Dice of the classes present in the batch (ADR 0008)
    prior_bias: bool = False  # ours: heads start at the log class frequencies (ADR 0008)

    def __post_init__(self) -> None:
        _require(min(self.class_weights) > 0, f"class_weights must be positive, got {self.class_weights}")
        _require(self.dice_weight >= 0, f"dice_weight must not be negative, got {self.dice_weight}")


@dataclass(frozen=True)
class IntensityAugmentation:
    """Ours: how the brightness of a training patch is changed at random (ADR 0020). All 0 is the paper: not at all."""

    shift_hu: float = 0.0  # standard deviation of the one value that is added to all voxels of a patch
    contrast: float = 0.0  # distances from the mean of the HU window are multiplied by 1 - contrast .. 1 + contrast
    noise_hu: float = 0.0  # standard deviation of white noise, drawn for each patch from 0 to this
    blur_voxels: float = 0.0  # standard deviation of a Gaussian-like blur, drawn for each patch from 0 to this

    def __post_init__(self) -> None:
        _require(min(self.shift_hu, self.noise_hu) >= 0, "shift_hu and noise_hu must not be negative")
        _require(0 <= self.contrast < 1, f"contrast must lie in [0, 1), got {self.contrast}")
        _require(0 <= self.blur_voxels <= 0.7, f"blur_voxels must lie in 0..0.7, got {self.blur_voxels}")

    @property
    def is_off(self) -> bool:
        """Whether patches keep the brightness of their scan."""
        return self == IntensityAugmentation()


@dataclass(frozen=True)
class ValidationSpec:
    """Ours: how a training is watched on patients it does not learn from (ADR 0012). The paper tells of none."""

    every: int = 0  # iterations between two validations; 0: none, and every patient is learned from
    patient_share: float = 0.1  # of the patients trained on, with and without tumor alike; never of the test fold
    batches: int = 16  # mini-batches of patches, always the same ones
    scans: int = 0  # validation patients whose whole scans are segmented instead of patches (ADR 0012); 0: patches

    def __post_init__(self) -> None:
        _require(self.every >= 0, f"validation every must not be negative, got {self.every}")
        _require(0 < self.patient_share < 1, f"patient_share must lie between 0 and 1, got {self.patient_share}")
        _require(self.batches >= 1, f"validation batches must be at least 1, got {self.batches}")
        _require(self.scans >= 0, f"validation scans must not be negative, got {self.scans}")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training's outcome, but for the data and the machine. Saved in every checkpoint."""

    screening: ScreeningConfig = field(default_factory=ScreeningConfig)
    optimizer: OptimizerSpec = field(default_factory=OptimizerSpec)
    loss: LossSpec = field(default_factory=LossSpec)
    sampling: PatchSampling = field(default_factory=PatchSampling)
    iterations: int = 80_000
    augmentation: bool = True  # random flips and 90, 180, 270 degree rotations over three axes
    symmetries: Literal["cube", "axial"] = "cube"  # all 48, or the 16 that keep the z axis (ADR 0020)
    intensity_augmentation: IntensityAugmentation = field(default_factory=IntensityAugmentation)
    augmentation_start: int = 0  # ours: first iteration that augments (ADR 0008)
    average_decay: float = 0.0  # ours: of the moving average of the weights (ADR 0021); 0: none is kept
    start_weights_sha256: str = ""  # ours: of the model whose weights this training starts from; "" = random weights
    seed: int = 0
    # ours: with several processes, statistics over the whole mini-batch or over each process's part (ADR 0013)
    batch_norm: Literal["global", "local"] = "global"
    validation: ValidationSpec = field(default_factory=ValidationSpec)

    def __post_init__(self) -> None:
        _require(self.batch_norm in ("global", "local"), f"batch_norm must be global or local, got {self.batch_norm}")
        _require(self.iterations >= 1, f"iterations must be at least 1, got {self.iterations}")
        _require(self.symmetries in ("cube", "axial"), f"symmetries must be cube or axial, got {self.symmetries}")
        _require(0 <= self.average_decay < 1, f"average_decay must lie in [0, 1), got {self.average_decay}")
        _require(self.augmentation_start >= 0, "augmentation_start must not be negative")
        _require(self.seed >= 0, f"seed must not be negative, got {self.seed}")
