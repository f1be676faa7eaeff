"""What an imported nnU-Net is: the values of its plans that decide an answer. Part of `model.json`; needs no torch.

Shapes, strides and spacings are in the order of the network's own axes, as in `plans.json`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from PDACScreeningLib.volume.anatomy import STRUCTURES_BY_NAME
from PDACScreeningLib.volume.box import ZYX
from PDACScreeningLib.volume.geometry import XYZ

MAX_FEATURES = 4096  # of one stage; the largest published networks have 512
MAX_BLOCKS = 32  # of one stage
MAX_STAGES = 12
MAX_PATCH_VOXELS = 2**26  # 400^3; the largest published patches have 2^23
MAX_FOLDS = 64


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(sentence)


@dataclass(frozen=True)
class UNetSpec:
    """The encoder and decoder that `dynamic_unet` builds. One entry a stage, from full resolution down."""

    kind: Literal["PlainConvUNet", "ResidualEncoderUNet"]
    features: tuple[int, ...]
    kernels: tuple[ZYX, ...]
    strides: tuple[ZYX, ...]
    encoder_blocks: tuple[int, ...]  # convolutions of a stage, or residual blocks
    decoder_blocks: tuple[int, ...]  # from the lowest resolution up; one fewer than stages
    outputs: int
    conv_bias: bool
    norm: Literal["instance", "batch"]
    norm_eps: float
    norm_affine: bool
    negative_slope: float  # of the leaky ReLU; 0 is a ReLU
    stem_features: int | None = None  # of the residual encoder; None: those of its first stage

    def __post_init__(self) -> None:
        stages = len(self.features)
        _require(2 <= stages <= MAX_STAGES, f"a network has 2 to {MAX_STAGES} stages, got {stages}")
        for name in ("kernels", "strides", "encoder_blocks"):
            _require(len(getattr(self, name)) == stages, f"{name} must have one entry for each of {stages} stages")
        _require(len(self.decoder_blocks) == stages - 1, f"decoder_blocks must have {stages - 1} entries")
        _require(all(1 <= n <= MAX_FEATURES for n in self.features), f"features must lie in 1..{MAX_FEATURES}")
        blocks = (*self.encoder_blocks, *self.decoder_blocks)
        _require(all(1 <= n <= MAX_BLOCKS for n in blocks), f"blocks of a stage must lie in 1..{MAX_BLOCKS}")
        _require(all(k % 2 == 1 and k <= 9 for kernel in self.kernels for k in kernel), "kernels must be odd, up to 9")
        _require(all(1 <= s <= 4 for stride in self.strides for s in stride), "strides must lie in 1..4")
        _require(1 <= self.outputs <= 256, f"outputs must lie in 1..256, got {self.outputs}")
        _require(self.norm_eps > 0, f"norm_eps must be positive, got {self.norm_eps}")
        _require(0 <= self.negative_slope < 1, f"negative_slope must lie in [0, 1), got {self.negative_slope}")

    @property
    def divisor(self) -> ZYX:
        """Voxels that one of the lowest resolution stands for; a patch is a multiple of it."""
        z, y, x = (math.prod(stride[axis] for stride in self.strides) for axis in range(3))
        return (z, y, x)


@dataclass(frozen=True)
class Normalization:
    """How Hounsfield units become the network's input. "ct": clipped, then mean and spread of the training's voxels."""

    scheme: Literal["ct", "zscore", "none"]
    lower: float = 0.0
    upper: float = 0.0
    mean: float = 0.0
    std: float = 1.0


@dataclass(frozen=True)
class HeadLabels:
    """What the outputs of a network mean.

    regions: outputs are structures that may overlap (sigmoid), and a later one overwrites an earlier one; otherwise one
    class each (softmax). values: the label that each output writes. tumor_values, pancreas_values: labels that count as
    tumor and as pancreas. tumor_heads: outputs whose probability is the tumor's. anatomy: labels that are vessels and
    ducts, by the names of STRUCTURES_BY_NAME; they may be pancreas too.
    """

    regions: bool
    values: tuple[int, ...]
    tumor_values: tuple[int, ...]
    pancreas_values: tuple[int, ...]
    tumor_heads: tuple[int, ...]
    anatomy: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __post_init__(self) -> None:
        known = all(name in STRUCTURES_BY_NAME for name, _ in self.anatomy)
        _require(known, f"anatomy must be of {', '.join(STRUCTURES_BY_NAME)}")
        of_anatomy = [value for _, values in self.anatomy for value in values]
        _require(all(0 < value <= 255 for value in of_anatomy), "labels of the anatomy must lie in 1..255")
        _require(len(set(of_anatomy)) == len(of_anatomy), "a label cannot be two vessels or ducts")
        _require(all(0 <= value <= 255 for value in self.values), "labels must lie in 0..255")
        _require(all(0 <= head < len(self.values) for head in self.tumor_heads), "tumor_heads names no output")


@dataclass(frozen=True)
class Resampling:
    """How nnU-Net changes spacings: splines of an order; axes far coarser than the others by `order_z`, apart."""

    order: int
    order_z: int
    separate_z: bool | None  # None: where one spacing is more than three times another

    def __post_init__(self) -> None:
        _require(0 <= self.order <= 5 and 0 <= self.order_z <= 1, "orders of interpolation must lie in 0..5 and 0..1")


@dataclass(frozen=True)
class FoldFile:
    """The weights of one training. file: in the model folder. checkpoint: what it was imported from."""

    name: str  # "0", "1", ... or "all"
    file: str
    sha256: str
    checkpoint: str
    checkpoint_sha256: str

    def __post_init__(self) -> None:
        _require("/" not in self.file and "\\" not in self.file and self.file != "..", "a weights file has no folder")


@dataclass(frozen=True)
class NnunetStep:
    """One trained nnU-Net: network, input, outputs, and the weights of its folds."""

    dataset: str
    trainer: str
    configuration: str
    unet: UNetSpec
    labels: HeadLabels
    patch_size: ZYX
    spacing_mm: tuple[float, float, float]
    transpose_forward: ZYX  # axes of the network in terms of those of the image (z, y, x)
    flip_in_plane: bool  # whether it was trained on images stored from right to left and from back to front
    normalization: Normalization
    image_resampling: Resampling
    probability_resampling: Resampling
    mirror_axes: tuple[int, ...]  # along which it was trained to be mirrored; () = none
    folds: tuple[FoldFile, ...]

    def __post_init__(self) -> None:
        _require(all(n >= 1 for n in self.patch_size), f"patch_size must be positive, got {self.patch_size}")
        _require(math.prod(self.patch_size) <= MAX_PATCH_VOXELS, f"a patch of {self.patch_size} voxels is too large")
        whole = all(n % d == 0 for n, d in zip(self.patch_size, self.unet.divisor, strict=True))
        _require(whole, f"patch_size {self.patch_size} is no multiple of {self.unet.divisor}, as the strides need")
        _require(all(0 < mm < 1000 for mm in self.spacing_mm), f"spacing must be positive, got {self.spacing_mm} mm")
        _require(sorted(self.transpose_forward) == [0, 1, 2], "transpose_forward must be an order of three axes")
        _require(set(self.mirror_axes) <= {0, 1, 2}, f"mirror_axes must be of 0, 1, 2, got {self.mirror_axes}")
        _require(1 <= len(self.folds) <= MAX_FOLDS, f"a model has 1 to {MAX_FOLDS} folds, got {len(self.folds)}")
        _require(len(self.labels.values) == self.unet.outputs, "labels and outputs of the network do not fit")

    @property
    def spacing_mm_xyz(self) -> XYZ:
        """Spacing of the network's own grid along (x, y, z) of the image."""
        of_image = dict(zip(self.transpose_forward, self.spacing_mm, strict=True))
        return (of_image[2], of_image[1], of_image[0])

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel of the network's own grid."""
        return math.prod(self.spacing_mm)


@dataclass(frozen=True)
class CoarseStep:
    """The first of two steps: where the pancreas is.

    spacing_mm_xyz: the scan is resampled to it before nnU-Net sees it; None: nnU-Net resamples by itself.
    margin_mm_xyz: around the box of everything that was found.
    """

    step: NnunetStep
    spacing_mm_xyz: XYZ | None
    margin_mm_xyz: XYZ

    def __post_init__(self) -> None:
        _require(all(mm >= 0 for mm in self.margin_mm_xyz), f"margins must not be negative, got {self.margin_mm_xyz}")
        spacing = self.spacing_mm_xyz or (1.0, 1.0, 1.0)
        _require(all(0 < mm < 1000 for mm in spacing), f"spacing must be positive, got {spacing} mm")


@dataclass(frozen=True)
class NnunetModel:
    """An imported model: its steps, and where everything came from."""

    fine: NnunetStep
    license: str  # the text that the user gave
    source: str  # where the user got it
    imported_sha256: dict[str, str]  # of every file that was read, by its place in the folder
    coarse: CoarseStep | None = None
    published_score: float | None = None  # the authors' own operating point on the candidate score; None: none given
    published_words: str = ""  # where that is published
    parameters: int = 0  # of all folds and steps together
    recipe: str = ""
    facts: dict[str, str] = field(default_factory=dict)  # what else its files say of themselves

    def __post_init__(self) -> None:
        if self.published_score is not None:
            _require(0 < self.published_score <= 1, f"published_score must lie in (0, 1], got {self.published_score}")

    @property
    def files(self) -> dict[str, str]:
        """Name and SHA-256 of every file of weights."""
        steps = [self.fine] if self.coarse is None else [self.coarse.step, self.fine]
        return {fold.file: fold.sha256 for step in steps for fold in step.folds}
