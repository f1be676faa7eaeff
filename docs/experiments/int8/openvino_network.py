"""A network of this project in OpenVINO, as it is or in int8: what `speed.py` and `calls.py` measure.

Needs openvino and nncf beside the project's own packages. In a folder apart, so that nothing else is changed:

    pip install --target FOLDER --no-deps openvino==2026.4.1 nncf==3.4.0 ninja psutil pydot tabulate
    export PYTHONPATH=.:Testing/Benchmarks:FOLDER OMP_NUM_THREADS=1 THP_MEM_ALLOC_ENABLE=1

openvino_telemetry is left out on purpose: without it neither package tells anybody that it was used. Huge pages (ADR
0045) are asked for here, for torch is imported before the library, which does it else.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal

import nncf
import numpy as np
import torch
from numpy.typing import NDArray
from openvino import CompiledModel, Core, Model, convert_model
from torch import Tensor, nn

from PDACScreeningLib.config import PAPER_SCALES, HUWindow, PatchSampling
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.window_predictor import folded
from PDACScreeningLib.training.case_store import Case
from PDACScreeningLib.training.patch_sampling import PatchSampler
from PDACScreeningLib.volume.intensity import normalize

BATCH_VOXELS = 64**3  # as the library has it on processors: one 64^3 window, eight of 32^3
CALIBRATION_SEED = 0

logging.getLogger("nncf").setLevel(logging.ERROR)


class _Probabilities(nn.Module):
    """What a `WindowPredictor` computes: (n, z, y, x) normalized intensities -> (n, 3, z, y, x)."""

    def __init__(self, network: SegmentationNetwork) -> None:
        super().__init__()
        self.network = folded(network)

    def forward(self, windows: Tensor) -> Tensor:
        probabilities: Tensor = self.network(windows.unsqueeze(1)).softmax(1)
        return probabilities


class OpenVINONetwork:
    """A `WindowNetwork` on one thread. precision: "bf16", "f32", or "int8" for a model of `quantized`."""

    def __init__(self, model: Model, patch_size: int, precision: str) -> None:
        self.batch_size = max(1, BATCH_VOXELS // patch_size**3)
        self._model, self._precision = model, precision
        self._compiled: dict[tuple[int, ...], CompiledModel] = {}

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (n, 3, z, y, x) float32 of (n, z, y, x).

        Compiled once for every shape of a window and always for a full batch: windows that are missing are zeros, which
        change no other window's answer.
        """
        count, shape = len(windows), (self._batch_of(windows.shape[1:]), *windows.shape[1:])
        full = np.zeros(shape, np.float32)
        full[:count] = windows
        if shape not in self._compiled:
            self._compiled[shape] = self._compile(shape)
        answer: NDArray[np.float32] = self._compiled[shape]([full])[0]
        return answer[:count].copy()

    def layers(self) -> list[str]:
        """Kind and precision of every convolution and deconvolution, as OpenVINO compiled them for one shape."""
        compiled = next(iter(self._compiled.values()))
        kinds = [op.get_rt_info() for op in compiled.get_runtime_model().get_ops()]
        return [
            f"{kind['layerType'].astype(str)} {kind['primitiveType'].astype(str)}"
            for kind in kinds
            if "onvolution" in kind["layerType"].astype(str)
        ]

    def _batch_of(self, window_shape: Sequence[int]) -> int:
        return max(1, BATCH_VOXELS // int(np.prod(window_shape)))

    def _compile(self, shape: tuple[int, ...]) -> CompiledModel:
        model = self._model.clone()
        model.reshape(list(shape))
        rest = "bf16" if self._precision == "int8" else self._precision  # what int8 leaves over: the head's answer
        settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": rest}
        return Core().compile_model(model, "CPU", settings)


def converted(network: SegmentationNetwork) -> Model:
    """The network in float32, batch normalization folded, softmax included; of any batch and side."""
    example = torch.zeros((1, *(network.scale.patch_size,) * 3))
    with torch.inference_mode():
        return convert_model(_Probabilities(network).eval(), example_input=example)


def quantized(
    model: Model, patches: NDArray[np.float32], biases: Literal["as they are", "fast", "accurate"] = "as they are"
) -> Model:
    """Weights per channel and activations in int8, with ranges found on normalized patches (n, z, y, x).

    "Mixed": activations have a zero point, for behind a leaky ReLU they are hardly ever negative. biases: how nncf
    corrects them, which is "fast" unless it is told otherwise; that made the networks worse (`patches.py`).
    """
    return nncf.quantize(
        model,
        nncf.Dataset([patch[np.newaxis] for patch in patches]),
        preset=nncf.QuantizationPreset.MIXED,
        target_device=nncf.TargetDevice.CPU,
        subset_size=len(patches),
        fast_bias_correction=biases != "accurate",
        advanced_parameters=nncf.AdvancedQuantizationParameters(disable_bias_correction=biases == "as they are"),
    )


def calibration_patches(cases: Sequence[Case], patch_size: int, count: int, intensity: HUWindow) -> NDArray[np.float32]:
    """Normalized patches (count, z, y, x), drawn as those of a training: as many of tumor, pancreas and background."""
    rule = PatchSampling()
    roi_share = rule.coarse_roi_share if patch_size == PAPER_SCALES[0].patch_size else 1.0
    sampler = PatchSampler(cases, patch_size, rule, roi_share)
    drawn = sampler.sample(np.random.default_rng(CALIBRATION_SEED), count, augment=False)
    return normalize(drawn.hu, intensity)
