"""Evaluates a network on batches of windows: numpy in, softmax probabilities out."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from PDACScreeningLib.network.model_directory import Model
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork


class WindowPredictor:
    """One network on one device. `batch_size` windows are evaluated together."""

    def __init__(self, network: SegmentationNetwork, runtime: Runtime) -> None:
        self.runtime = runtime
        self.batch_size = runtime.window_batch_size(network.scale.patch_size)
        network = network.eval().to(runtime.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._network = network

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (n, 3, z, y, x) float32 of normalized windows (n, z, y, x); they sum to 1 over the classes."""
        image = torch.from_numpy(windows).to(self.runtime.device).unsqueeze(1)
        image = image.contiguous(memory_format=torch.channels_last_3d)
        use_bf16 = self.runtime.precision == "bf16"
        with torch.inference_mode(), torch.autocast(self.runtime.device, torch.bfloat16, enabled=use_bf16):
            logits = self._network(image)
        probabilities: NDArray[np.float32] = logits.float().softmax(dim=1).contiguous().cpu().numpy()
        return probabilities


def window_predictors(model: Model, runtime: Runtime) -> dict[int, WindowPredictor]:
    """One predictor per scale of a model, by patch size."""
    return {size: WindowPredictor(network, runtime) for size, network in model.networks.items()}
