"""A checkpoint of nnU-Net v2, read without running anything in it.

A checkpoint is a pickle, which can run code when it is read. It is read with torch's reader of plain data, which knows
tensors and plain values, and three names of numpy more: nnU-Net keeps its learning curve as numpy numbers.
"""

from __future__ import annotations

import math
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray
from torch import Tensor

from PDACScreeningLib.digests import file_sha256
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.dynamic_unet import expected_shapes
from PDACScreeningLib.network.nnunet_model import UNetSpec

# The three names, of which the first has had two homes.
_ALLOWED: list[Any] = [
    multiarray.scalar,
    (multiarray.scalar, "numpy.core.multiarray.scalar"),
    np.dtype,
    np.dtypes.Float64DType,
]
_COPIES = ("decoder.encoder.", ".all_modules.")  # the same tensors under a second name
_WRAPPERS = ("module.", "_orig_mod.")


@dataclass(frozen=True, eq=False)
class NnunetCheckpoint:
    """What a checkpoint holds of use. state: tensors by nnU-Net's names, on the CPU. configuration: "" when untold."""

    state: dict[str, Tensor]
    trainer: str
    configuration: str
    mirror_axes: tuple[int, ...]
    sha256: str


def read_nnunet_checkpoint(path: Path) -> NnunetCheckpoint:
    """Read a `checkpoint_*.pth`. Raises ModelError saying why a file is refused; nothing in it is executed."""
    try:
        digest = file_sha256(path)
        _require_plain_archive(path)
        with torch.serialization.safe_globals(_ALLOWED), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged files, in the words of a library
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return _checkpoint(content, digest)
    except ModelError:
        raise
    except Exception as error:  # of a reader that meets a file from anywhere, and torch raises a dozen types
        raise ModelError(f"{path.parent.name}/{path.name} is refused: {_told(error)}") from error


def _require_plain_archive(path: Path) -> None:
    """Raise ModelError unless it is a ZIP whose parts lie in it as they are: none grows when it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            packed = [entry for entry in archive.infolist() if entry.compress_type != zipfile.ZIP_STORED]
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ModelError(
            f"{path.parent.name}/{path.name} is refused: it is no checkpoint of PyTorch 1.6 or newer, or it is damaged"
        ) from error
    if packed or size > path.stat().st_size:
        raise ModelError(f"{path.parent.name}/{path.name} is refused: its parts are compressed, as no checkpoint's are")


def _checkpoint(content: Any, digest: str) -> NnunetCheckpoint:
    if not isinstance(content, dict) or not isinstance(content.get("network_weights"), Mapping):
        raise ValueError("it holds no network_weights, so nnU-Net v2 did not write it")
    state = {_bare(str(name)): tensor for name, tensor in content["network_weights"].items()}
    if not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise ValueError("its network_weights are not all tensors")
    options = content.get("init_args")
    configuration = options.get("configuration") if isinstance(options, dict) else None
    axes = content.get("inference_allowed_mirroring_axes") or ()
    return NnunetCheckpoint(
        state=state,
        trainer=str(content.get("trainer_name", "unknown"))[:200],
        configuration=configuration if isinstance(configuration, str) else "",
        mirror_axes=tuple(sorted(int(axis) for axis in axes)),
        sha256=digest,
    )


def _bare(name: str) -> str:
    for prefix in _WRAPPERS:
        name = name.removeprefix(prefix)
    return name


def network_state(state: Mapping[str, Tensor], spec: UNetSpec) -> dict[str, Tensor]:
    """The tensors that such a network needs, as float32, under the names of `DynamicUNet`.

    Each must have the shape that the plan asks for, and no more elements than its own memory holds: a small file can
    describe a tensor of terabytes. Raises ValueError.
    """
    last = f"decoder.seg_layers.{len(spec.features) - 2}."
    ours = {name.replace(last, "decoder.head."): tensor for name, tensor in state.items() if _is_needed(name, last)}
    expected = expected_shapes(spec)
    missing, foreign = sorted(set(expected) - set(ours)), sorted(set(ours) - set(expected))
    if missing or foreign:
        named = ", ".join([*missing, *foreign][:3])
        raise ValueError(f"its weights are not those of the network in plans.json (for example {named})")
    return {name: _sound(name, ours[name], shape) for name, shape in expected.items()}


def _is_needed(name: str, last: str) -> bool:
    if any(copy in name for copy in _COPIES):
        return False
    return not name.startswith("decoder.seg_layers.") or name.startswith(last)


def _sound(name: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"tensor {name} is {tuple(tensor.shape)}, the network in plans.json needs {shape}")
    if tensor.layout != torch.strided or math.prod(shape) * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError(f"tensor {name} has more elements than the file holds")
    if not tensor.is_floating_point():
        return tensor.to(torch.int64).clone()
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"tensor {name} holds numbers that are not finite")
    return tensor.to(torch.float32).clone().contiguous()


def _told(error: Exception) -> str:
    """Why a file was refused, in words; torch's own sentence speaks to programmers."""
    found = re.search(r"(?i)unsupported global:? (?:GLOBAL )?([\w.]+)", str(error))
    if found:
        return f"it names {found[1]}, which could run code; a checkpoint holds numbers and names only"
    if isinstance(error, ValueError):
        return str(error)
    if isinstance(error, pickle.UnpicklingError):
        return "it asks for more than plain values and tensors, which could run code, or it is damaged"
    return f"it is damaged, or no checkpoint of nnU-Net v2 ({type(error).__name__})"
