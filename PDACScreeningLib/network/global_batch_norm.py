"""Batch normalization over the mini-batch of all ranks (ADR 0013), on any device.

torch's SyncBatchNorm does the same, on GPUs only; there it is used, since it is faster.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from PDACScreeningLib.network.rank_sum import is_distributed, sum_over_ranks


class GlobalBatchNorm3d(nn.BatchNorm3d):
    """BatchNorm3d whose training statistics are those of the whole mini-batch. Same state as nn.BatchNorm3d.

    Two sums are exchanged a layer, the mean first: the variance from one pass would lose digits to cancellation.
    """

    def forward(self, features: Tensor) -> Tensor:
        """features: (n, channels, z, y, x), of any floating type; statistics have float32 at least."""
        if not self.training or not is_distributed():
            return super().forward(features)
        values = features.to(torch.promote_types(features.dtype, torch.float32))
        axes = (0, 2, 3, 4)
        count = values.new_full((1,), values.numel() // values.shape[1])
        sums = sum_over_ranks(torch.cat((values.sum(axes), count)))
        total = sums[-1].detach()
        mean = sums[:-1] / total
        centered = values - mean.view(1, -1, 1, 1, 1)
        variance = sum_over_ranks(centered.square().sum(axes)) / total
        self._update(mean.detach(), variance.detach() * total / (total - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centered * scale.view(1, -1, 1, 1, 1) + self.bias.view(1, -1, 1, 1, 1)).to(features.dtype)

    @torch.no_grad()
    def _update(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        """Running statistics as nn.BatchNorm3d keeps them, which normalize when the network is used."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        momentum = 0.1 if self.momentum is None else self.momentum
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(unbiased_variance, momentum)


def with_global_batch_norm(network: nn.Module, device: str) -> nn.Module:
    """The network with every BatchNorm3d replaced by one over all ranks; weights and state stay."""
    if device == "cuda":
        convert: Any = nn.SyncBatchNorm.convert_sync_batchnorm  # without annotations in torch
        synchronized: nn.Module = convert(network)
        return synchronized
    for name, layer in list(network.named_modules()):
        if type(layer) is nn.BatchNorm3d:
            network.set_submodule(name, _global(layer))
    return network


def _global(layer: nn.BatchNorm3d) -> GlobalBatchNorm3d:
    replacement = GlobalBatchNorm3d(layer.num_features, layer.eps, layer.momentum)
    replacement.load_state_dict(layer.state_dict())
    return replacement
