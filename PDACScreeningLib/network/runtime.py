"""The machine a network runs on: device, precision, threads. Never part of a checkpoint."""

from dataclasses import dataclass
from typing import Any

import torch

from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.devices import DEVICES

# Windows that go through the network together. On a CPU a batch of small windows keeps the cores busy, and a
# larger one only needs more memory; on a GPU the paper's own training batches fit.
_CPU_WINDOWS = {64: 1, 32: 8, 16: 64}
_GPU_WINDOWS = {64: 8, 32: 64, 16: 512}


@dataclass(frozen=True)
class Runtime:
    """Where and how precisely a network is evaluated."""

    device: str  # "cpu", "cuda" or "mps"
    precision: str  # "fp32" or "bf16" (autocast)

    def __post_init__(self) -> None:
        if self.device not in DEVICES[1:]:
            raise ValueError(f"device must be one of {DEVICES[1:]}, got {self.device}")
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision must be fp32 or bf16, got {self.precision}")

    def window_batch_size(self, patch_size: int) -> int:
        """Windows evaluated together. Has no influence on the answer beyond rounding."""
        table = _CPU_WINDOWS if self.device == "cpu" else _GPU_WINDOWS
        return table.get(patch_size, max(1, table[64] * 64**3 // patch_size**3))

    @property
    def description(self) -> str:
        """Name of the device for provenance; a CPU has no name here, since it could identify a machine."""
        return torch.cuda.get_device_name() if self.device == "cuda" else self.device


def resolve_device(device: str, precision: str = "auto") -> Runtime:
    """The runtime for a wish: "auto" takes a GPU when there is one.

    Raises ModelError when the device asked for is not there.
    """
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device}")
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if present[name])
    if not present[device]:
        raise ModelError(
            f"device '{device}' was asked for, but torch {torch.__version__} does not see one; use --device cpu"
        )
    return Runtime(device, _fast_precision(device) if precision == "auto" else precision)


def _fast_precision(device: str) -> str:
    """bf16 where the device computes it in hardware, else fp32."""
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device == "cpu":
        return "bf16" if _cpu_has_bf16() else "fp32"
    return "fp32"


def _cpu_has_bf16() -> bool:
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # absent in older torch: then fp32
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
