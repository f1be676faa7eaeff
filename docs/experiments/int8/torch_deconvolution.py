"""Is torch's int8 deconvolution right? `torch_deconvolution.py` prints its error by engine and channels; about .01 is.

4x4x4, stride 2, as in the networks of this project, one scale for all weights, against the same in float32.
"""

from __future__ import annotations

import sys
import warnings

import torch
from torch import nn
from torch.ao.nn import quantized

SIDE, CHANNELS = 16, ((32, 32), (64, 64), (64, 32), (16, 8))


def main() -> None:
    """One line for each engine and pair of channels."""
    warnings.simplefilter("ignore")  # that all of this is deprecated
    for engine in ("fbgemm", "x86", "onednn"):
        torch.backends.quantized.engine = engine
        for channels_in, channels_out in CHANNELS:
            sys.stdout.write(f"{engine}, {channels_in} to {channels_out}: {error_of(channels_in, channels_out):.4f}\n")


def error_of(channels_in: int, channels_out: int) -> float:
    """Norm of the difference over the norm of the answer, random weights and input."""
    torch.manual_seed(0)
    shape = (channels_in, channels_out, 4)
    exact = nn.ConvTranspose3d(*shape, stride=2, padding=1)
    image = torch.rand(1, channels_in, *(SIDE,) * 3)
    weight = exact.weight.detach()
    rounded = quantized.ConvTranspose3d(*shape, stride=2, padding=1)  # type: ignore[no-untyped-call]  # torch's stub
    rounded.set_weight_bias(eight_bits(weight, float(weight.abs().max()) / 127, 0, torch.qint8), exact.bias)
    with torch.inference_mode():
        expected = exact(image)
        rounded.scale = float(expected.max() - expected.min()) / 255
        rounded.zero_point = round(-float(expected.min()) / rounded.scale)
        answer = rounded(eight_bits(image, 1 / 255, 0, torch.quint8)).dequantize()
    return float((answer - expected).norm() / expected.norm())


def eight_bits(values: torch.Tensor, scale: float, zero_point: int, kind: torch.dtype) -> torch.Tensor:
    """The values in whole steps of `scale`."""
    return torch.quantize_per_tensor(values, scale, zero_point, kind)


if __name__ == "__main__":
    main()
