"""Evaluates a network on batches of windows: normalized intensities in, softmax probabilities out."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from PDACScreeningLib.network.memory_errors import out_of_memory
from PDACScreeningLib.network.model_directory import Model
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork

_logger = logging.getLogger(__name__)


class WindowPredictor:
    """One network on one device, with the arrays that `scan_slabs` works on (a `Workspace`).

    As many windows are evaluated together as the runtime's memory allows. Where that does not fit nevertheless, the
    predictor steps down a ladder and stays there: half as many windows, down to one, then the processors instead of
    the GPU. Every step gives the same answer up to the rounding of the device. `memory_steps` tells them in words.
    """

    def __init__(self, network: SegmentationNetwork, runtime: Runtime) -> None:
        self.memory_steps: list[str] = []
        self._patch_size = network.scale.patch_size
        self._folded = folded(network.eval())
        self._use(runtime)

    @property
    def batch_size(self) -> int:
        """Windows of the trained size to hand over at once."""
        return max(1, self._batch_voxels // self._patch_size**3)

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (n, 3, z, y, x) float32 of normalized windows (n, z, y, x); they sum to 1 over the classes.

        The windows may have any size that is a multiple of 8. Raises MemoryError when not even one fits the memory.
        """
        return self.fetch(self.answers([torch.from_numpy(windows)]))

    def place(self, array: NDArray[np.float32]) -> Tensor:
        """The array on the device; where that is full, in the processors' memory."""
        tensor = torch.from_numpy(array)
        try:
            return tensor.to(self.runtime.device)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            self._note(f"{self._patch_size}^3 network: sums outside the memory of {self.runtime.device}")
            return tensor

    def spaced(self, row: Tensor, width: int, step: int, count: int) -> Tensor:
        """A view (count, ..., width) of (..., x): parts of the last axis, `step` from start to start."""
        return row.unfold(-1, width, step)[..., :count, :].movedim(-2, 0)

    def answers(self, windows: Sequence[Tensor]) -> Tensor:
        """Probabilities (all, 3, z, y, x) of windows, some (n, z, y, x) on one device; they stay on that device."""
        together = torch.cat(tuple(windows))
        answers: list[Tensor] = []
        done, window_voxels = 0, together[0].numel()
        while done < len(together):
            batch = together[done : done + max(1, self._batch_voxels // window_voxels)]
            try:
                answers.append(self._evaluated(batch))
                done += len(batch)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                self._step_down(len(batch), window_voxels, error)
        return answers[0] if len(answers) == 1 else torch.cat(answers)

    def fetch(self, array: Tensor) -> NDArray[np.float32]:
        """As numpy array in the processors' memory, which a tensor there shares."""
        fetched: NDArray[np.float32] = array.cpu().numpy()
        return fetched

    def _use(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._batch_voxels = runtime.batch_voxels(self._folded.spec.base_width)
        network = copy.deepcopy(self._folded).to(device=runtime.device, dtype=self.runtime.dtype)
        self._network = network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def _evaluated(self, windows: Tensor) -> Tensor:
        image = windows.to(device=self.runtime.device, dtype=self.runtime.dtype).unsqueeze(1)
        image = image.contiguous(memory_format=torch.channels_last_3d)
        with torch.inference_mode():
            probabilities: Tensor = self._network(image).float().softmax(dim=1).contiguous()
            return probabilities.to(windows.device)

    def _step_down(self, count: int, window_voxels: int, error: RuntimeError) -> None:
        """Make do with less memory than `count` windows took. Raises MemoryError on the last step."""
        device = self.runtime.device
        if count > 1:
            self._batch_voxels = count // 2 * window_voxels
            memory_step = f"{self._patch_size}^3 network: {count // 2} instead of {count} windows at once on {device}"
        elif device != "cpu":
            self._use(self.runtime.on_processors())
            memory_step = f"{self._patch_size}^3 network: processors instead of {device}"
        else:
            raise MemoryError(f"no memory for one window of {window_voxels} voxels") from error
        if device == "cuda":
            torch.cuda.empty_cache()
        self._note(memory_step)

    def _note(self, memory_step: str) -> None:
        self.memory_steps.append(memory_step)
        _logger.warning("Memory did not suffice. %s.", memory_step)


def window_predictors(model: Model, runtime: Runtime) -> dict[int, WindowPredictor]:
    """One predictor per scale of a model, by patch size."""
    return {size: WindowPredictor(network, runtime) for size, network in model.networks.items()}


def full_precision(model: Model, runtime: Runtime) -> dict[int, WindowPredictor]:
    """The same networks on the same device in fp32, for scans whose answer must not depend on rounding."""
    return window_predictors(model, replace(runtime, precision="fp32"))


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
