"""The machine a network runs on: device, precision, threads. Never part of a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from PDACScreeningLib.config import DEVICES, PRECISIONS
from PDACScreeningLib.errors import ModelError

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}

# Voxels that go through the network together unless memory is scarcer: on a CPU one 64^3 window (or eight of 32^3)
# keeps the cores busy and more only need more memory; on a GPU eight.
_BATCH_VOXELS = {"cpu": 64**3, "cuda": 8 * 64**3, "mps": 8 * 64**3}
# Full-resolution feature maps that are alive at once, in multiples of the base width (measured: 4.6 to 6.8).
LIVE_FEATURES = 7
_GIB = 2**30


@dataclass(frozen=True)
class Runtime:
    """Where and how precisely a network is evaluated or trained."""

    device: str  # "cpu", "cuda" or "mps"
    precision: str  # "fp32", "bf16" or "fp16"; in training, what convolutions are autocast to
    memory_gib: float | None = None  # ceiling for what screening's networks hold on the device; None = what is there

    def __post_init__(self) -> None:
        if self.device not in DEVICES[1:]:
            raise ValueError(f"device must be one of {DEVICES[1:]}, got {self.device}")
        if self.precision not in PRECISIONS[1:]:
            raise ValueError(f"precision must be one of {PRECISIONS[1:]}, got {self.precision}")
        if self.memory_gib is not None and self.memory_gib <= 0:
            raise ValueError(f"memory_gib must be positive, got {self.memory_gib}")

    @property
    def autocast_dtype(self) -> torch.dtype | None:
        """What convolutions are computed in under autocast; None for fp32."""
        return _AUTOCAST.get(self.precision)

    @property
    def dtype(self) -> torch.dtype:
        """What screening's networks compute in, weights included."""
        return self.autocast_dtype or torch.float32

    def batch_voxels(self, base_width: int) -> int:
        """Voxels to evaluate together with a network of some width. No influence on the answer beyond rounding."""
        usual = _BATCH_VOXELS[self.device]
        if self.memory_gib is None:
            return usual
        voxel_bytes = LIVE_FEATURES * base_width * self.dtype.itemsize
        return min(usual, int(self.memory_gib * _GIB / voxel_bytes))

    def on_processors(self) -> Runtime:
        """What is left when the memory of a GPU does not suffice. The ceiling was the GPU's and falls away."""
        return Runtime("cpu", "fp32" if self.precision == "fp32" else _fast_precision("cpu"))

    @property
    def description(self) -> str:
        """Name of the device for provenance; a CPU has no name here, since it could identify a machine."""
        return torch.cuda.get_device_name() if self.device == "cuda" else self.device


def resolve_device(device: str, precision: str = "auto", memory_gib: float | None = None) -> Runtime:
    """The runtime for the device that was asked for; "auto" takes a GPU when there is one.

    memory_gib: ceiling for the networks; on an NVIDIA GPU PyTorch is held to it, so that more is an OutOfMemoryError.

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
    if device == "cuda":
        _require_full_float32()
    if device == "cuda" and memory_gib is not None:
        total_gib = torch.cuda.get_device_properties(0).total_memory / _GIB
        torch.cuda.set_per_process_memory_fraction(min(1.0, memory_gib / total_gib))
    return Runtime(device, _fast_precision(device) if precision == "auto" else precision, memory_gib)


def resolve_training_device(device: str, precision: str = "auto") -> Runtime:
    """The runtime for a training: "auto" takes bf16 where the device has it, fp16 on GPUs that have not, else fp32.

    Raises ModelError when the device asked for is not there.
    """
    runtime = resolve_device(device, precision)
    if runtime.device == "cuda":
        torch.backends.cudnn.benchmark = True  # every batch has the same shape: the fastest way is found once
    lacks_bf16 = precision == "auto" and runtime.device == "cuda" and runtime.precision == "fp32"
    return Runtime(runtime.device, "fp16") if lacks_bf16 else runtime


def _require_full_float32() -> None:
    """fp32 means fp32: unasked, a GPU computes convolutions with 10 bits of mantissa (TF32)."""
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]  # torch's stub
    torch.backends.cuda.matmul.fp32_precision = "ieee"


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


def use_threads(threads: int | None) -> None:
    """Let networks on processors compute with so many threads; None leaves torch's own choice, all cores."""
    if threads is not None:
        torch.set_num_threads(threads)
