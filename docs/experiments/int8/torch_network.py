"""A network of this project in torch's own int8, `torch.ao.quantization` with the kernels of oneDNN.

torch 2.13 says that this part of it is deprecated and will be removed. Weights are rounded per channel, those of
deconvolutions, where torch cannot, with one scale for all channels. The head stays in float32: its answers would
otherwise be rounded to 256 steps, of which the softmax is to be taken.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from openvino_network import BATCH_VOXELS
from torch import nn
from torch.ao.quantization import default_weight_observer, get_default_qconfig, get_default_qconfig_mapping, quantize_fx

from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.window_predictor import folded

ENGINE = "onednn"


class TorchInt8Network:
    """A `WindowNetwork`; activations in 8 bits with a zero point, their ranges from histograms of the patches.

    patches: (n, z, y, x) normalized intensities.
    """

    def __init__(self, network: SegmentationNetwork, patches: NDArray[np.float32]) -> None:
        self.batch_size = max(1, BATCH_VOXELS // network.scale.patch_size**3)
        torch.backends.quantized.engine = ENGINE
        mapping = get_default_qconfig_mapping(ENGINE)
        usual = get_default_qconfig(ENGINE)  # type: ignore[no-untyped-call]  # torch's stub
        one_scale = usual._replace(weight=default_weight_observer)
        mapping.set_object_type(nn.ConvTranspose3d, one_scale)
        mapping.set_module_name("head", None)
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # that all of this is deprecated
            observed = quantize_fx.prepare_fx(folded(network), mapping, (torch.from_numpy(patches[:1, np.newaxis]),))
            for patch in patches:
                observed(torch.from_numpy(patch[np.newaxis, np.newaxis]))
            self._network = quantize_fx.convert_fx(observed)

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (n, 3, z, y, x) float32 of (n, z, y, x)."""
        image = torch.from_numpy(windows).unsqueeze(1).contiguous(memory_format=torch.channels_last_3d)
        with torch.inference_mode():
            answer: NDArray[np.float32] = self._network(image).softmax(1).contiguous().numpy()
        return answer
