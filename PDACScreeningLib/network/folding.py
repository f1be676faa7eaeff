"""Batch normalization folded into the convolution before it: the same function with a layer less to compute."""

from __future__ import annotations

import copy

from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from PDACScreeningLib.network.segmentation_network import SegmentationNetwork


def folded(network: SegmentationNetwork) -> SegmentationNetwork:
    """A copy of a network that answers the same up to rounding, for evaluation only; the network itself stays as it is.

    In evaluation mode batch normalization is one factor and one offset a channel, which the weights and a bias of the
    convolution or deconvolution before it can take over. Raises ValueError when the network is in training mode.
    """
    if network.training:
        raise ValueError("a network in training mode cannot be folded: its batch statistics still change")
    result = copy.deepcopy(network)
    blocks = [module for module in result.modules() if isinstance(module, nn.Sequential)]
    for block in blocks:
        for place, (layer, following) in enumerate(zip(block, list(block)[1:], strict=False)):
            if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d) and isinstance(following, nn.BatchNorm3d):
                transposed = isinstance(layer, nn.ConvTranspose3d)
                block[place] = fuse_conv_bn_eval(layer, following, transpose=transposed)
                block[place + 1] = nn.Identity()
    return result.requires_grad_(False)
