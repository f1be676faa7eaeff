"""One fold of an nnU-Net on one device: a window in, its logits out, averaged over mirrored views."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from PDACScreeningLib.network.dynamic_unet import DynamicUNet
from PDACScreeningLib.network.memory_errors import out_of_memory
from PDACScreeningLib.network.nnunet_model import UNetSpec
from PDACScreeningLib.network.runtime import Runtime

_logger = logging.getLogger(__name__)


class UNetPredictor:
    """A network with the weights of one fold after the other.

    Where a window does not fit the memory of a GPU, the processors take over and the predictor stays there; in fp32
    its answers are those of nnU-Net's own predictor to the last bit. `memory_steps` tells what was done, in words.
    """

    def __init__(self, spec: UNetSpec, runtime: Runtime, mirror_axes: Sequence[int]) -> None:
        """mirror_axes: of (z, y, x) windows; every combination of them is one more view. () = as it is only."""
        self.memory_steps: list[str] = []
        self._spec, self._state = spec, dict[str, Tensor]()
        self._views = [
            tuple(axis + 2 for axis in axes)
            for count in range(len(mirror_axes) + 1)
            for axes in itertools.combinations(mirror_axes, count)
        ]
        self._use(runtime)

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights of a fold, which have the names and shapes of `expected_shapes`."""
        self._state = dict(state)
        self._network.load_state_dict(self._state)

    @property
    def sums_device(self) -> torch.device:
        """Where windows and sums lie: beside the network."""
        return torch.device(self.runtime.device)

    def __call__(self, window: Tensor) -> Tensor:
        """(1, 1, z, y, x) float32 -> (outputs, z, y, x) float32 logits, on the device of the window.

        Raises MemoryError when a window does not fit the processors' memory either.
        """
        try:
            return self._mean(window)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            self.use_processors("one window")
            return self(window)

    def _use(self, runtime: Runtime) -> None:
        self.runtime = runtime
        with torch.device("meta"):
            network = DynamicUNet(self._spec)
        network = network.to_empty(device=runtime.device).to(dtype=runtime.dtype).eval().requires_grad_(False)
        # nnU-Net computes in the plain layout; the other one rounds differently and is for formats that round anyway
        if runtime.precision != "fp32":
            network = network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._network = network
        if self._state:
            network.load_state_dict(self._state)

    def _mean(self, window: Tensor) -> Tensor:
        image = window.to(device=self.runtime.device, dtype=self.runtime.dtype)
        if self.runtime.precision != "fp32":
            image = image.contiguous(memory_format=torch.channels_last_3d)
        with torch.inference_mode():
            total: Tensor = self._network(image).float()
            for axes in self._views[1:]:
                total += torch.flip(self._network(torch.flip(image, axes)).float(), axes)
            if len(self._views) > 1:
                total /= len(self._views)
            return total[0].to(window.device)

    def use_processors(self, what: str) -> None:
        """Leave the GPU, whose memory did not hold `what`. Raises MemoryError when there is no GPU to leave."""
        device = self.runtime.device
        if device == "cpu":
            raise MemoryError(f"no memory for {what} of this network")
        self._use(self.runtime.on_processors())
        if device == "cuda":
            torch.cuda.empty_cache()
        step = f"nnU-Net, {what}: processors instead of {device}"
        self.memory_steps.append(step)
        _logger.warning("Memory did not suffice. %s.", step)
