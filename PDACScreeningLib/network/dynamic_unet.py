"""The two U-Nets of nnU-Net v2, built from a `UNetSpec`: plain convolutions, or residual blocks in the encoder.

Modules carry the names that nnU-Net's checkpoints use, so that its weights load as they are. Only what predicts is
here: no dropout, and the one output at full resolution.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from PDACScreeningLib.network.nnunet_model import UNetSpec
from PDACScreeningLib.volume.box import ZYX

_ONE: ZYX = (1, 1, 1)


class DynamicUNet(nn.Module):
    """(n, 1, z, y, x) normalized intensities -> (n, outputs, z, y, x) logits; sizes are multiples of `spec.divisor`."""

    def __init__(self, spec: UNetSpec) -> None:
        super().__init__()
        self.encoder = _PlainEncoder(spec) if spec.kind == "PlainConvUNet" else _ResidualEncoder(spec)
        self.decoder = _Decoder(spec)

    def forward(self, image: Tensor) -> Tensor:
        """Logits, before softmax or sigmoid."""
        logits: Tensor = self.decoder(self.encoder(image))
        return logits


class _Convolution(nn.Module):
    """Convolution, normalization and, unless it ends a residual branch, the activation."""

    def __init__(
        self,
        spec: UNetSpec,
        inputs: int,
        outputs: int,
        kernel: ZYX,
        stride: ZYX = _ONE,
        *,
        bias: bool | None = None,
        activated: bool = True,
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        with_bias = spec.conv_bias if bias is None else bias
        self.conv = nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=with_bias)
        kind = nn.InstanceNorm3d if spec.norm == "instance" else nn.BatchNorm3d
        self.norm = kind(outputs, eps=spec.norm_eps, affine=spec.norm_affine)
        self._slope = spec.negative_slope if activated else None

    def forward(self, features: Tensor) -> Tensor:
        normalized: Tensor = self.norm(self.conv(features))
        return normalized if self._slope is None else _activated(normalized, self._slope)


def _activated(features: Tensor, slope: float) -> Tensor:
    return functional.leaky_relu(features, slope, inplace=True) if slope else functional.relu(features, inplace=True)


class _Stack(nn.Module):
    """Convolutions one after the other; the first one changes width and resolution."""

    def __init__(self, spec: UNetSpec, count: int, inputs: int, outputs: int, kernel: ZYX, stride: ZYX) -> None:
        super().__init__()
        first = _Convolution(spec, inputs, outputs, kernel, stride)
        self.convs = nn.Sequential(first, *(_Convolution(spec, outputs, outputs, kernel) for _ in range(count - 1)))

    def forward(self, features: Tensor) -> Tensor:
        answered: Tensor = self.convs(features)
        return answered


class _PlainEncoder(nn.Module):
    """One stack a stage; what each stage says is kept for the decoder."""

    def __init__(self, spec: UNetSpec) -> None:
        super().__init__()
        widths = (1, *spec.features)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(_Stack(spec, count, widths[i], widths[i + 1], spec.kernels[i], spec.strides[i]))
                for i, count in enumerate(spec.encoder_blocks)
            )
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        return _each(self.stages, image)


class _ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, which is pooled and projected where it has to be (ResNet-D)."""

    def __init__(self, spec: UNetSpec, inputs: int, outputs: int, kernel: ZYX, stride: ZYX) -> None:
        super().__init__()
        self.conv1 = _Convolution(spec, inputs, outputs, kernel, stride)
        self.conv2 = _Convolution(spec, outputs, outputs, kernel, activated=False)
        shortcut: list[nn.Module] = []
        if stride != _ONE:
            shortcut.append(nn.AvgPool3d(stride, stride))
        if inputs != outputs:
            shortcut.append(_Convolution(spec, inputs, outputs, _ONE, bias=False, activated=False))
        self.skip = nn.Sequential(*shortcut)
        self._slope = spec.negative_slope

    def forward(self, features: Tensor) -> Tensor:
        residual = self.skip(features)
        answered: Tensor = self.conv2(self.conv1(features))
        answered += residual
        return _activated(answered, self._slope)


class _ResidualStage(nn.Module):
    """Residual blocks one after the other; the first one changes width and resolution."""

    def __init__(self, spec: UNetSpec, count: int, inputs: int, outputs: int, kernel: ZYX, stride: ZYX) -> None:
        super().__init__()
        first = _ResidualBlock(spec, inputs, outputs, kernel, stride)
        rest = (_ResidualBlock(spec, outputs, outputs, kernel, _ONE) for _ in range(count - 1))
        self.blocks = nn.Sequential(first, *rest)

    def forward(self, features: Tensor) -> Tensor:
        answered: Tensor = self.blocks(features)
        return answered


class _ResidualEncoder(nn.Module):
    """One convolution, then one residual stage for each resolution."""

    def __init__(self, spec: UNetSpec) -> None:
        super().__init__()
        stem = spec.stem_features or spec.features[0]
        widths = (stem, *spec.features)
        self.stem = _Stack(spec, 1, 1, stem, spec.kernels[0], _ONE)
        self.stages = nn.Sequential(
            *(
                _ResidualStage(spec, count, widths[i], widths[i + 1], spec.kernels[i], spec.strides[i])
                for i, count in enumerate(spec.encoder_blocks)
            )
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        return _each(self.stages, self.stem(image))


class _Decoder(nn.Module):
    """From the lowest resolution up: deconvolution, the encoder's features beside it, convolutions; then the output."""

    def __init__(self, spec: UNetSpec) -> None:
        super().__init__()
        upwards = range(len(spec.features) - 1, 0, -1)
        self.transpconvs = nn.ModuleList(
            nn.ConvTranspose3d(
                spec.features[low], spec.features[low - 1], spec.strides[low], spec.strides[low], bias=spec.conv_bias
            )
            for low in upwards
        )
        self.stages = nn.ModuleList(
            _Stack(spec, count, 2 * spec.features[low - 1], spec.features[low - 1], spec.kernels[low - 1], _ONE)
            for low, count in zip(upwards, spec.decoder_blocks, strict=True)
        )
        self.head = nn.Conv3d(spec.features[0], spec.outputs, 1)

    def forward(self, skips: Sequence[Tensor]) -> Tensor:
        features = skips[-1]
        for transposed, stage, skip in zip(self.transpconvs, self.stages, reversed(skips[:-1]), strict=True):
            features = stage(torch.cat((transposed(features), skip), 1))
        logits: Tensor = self.head(features)
        return logits


def _each(stages: nn.Sequential, features: Tensor) -> list[Tensor]:
    """What every stage says, from full resolution down."""
    answers = []
    for stage in stages:
        features = stage(features)
        answers.append(features)
    return answers


def expected_shapes(spec: UNetSpec) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that such a network has. Takes no memory, whatever widths are asked for."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in DynamicUNet(spec).state_dict().items()}
