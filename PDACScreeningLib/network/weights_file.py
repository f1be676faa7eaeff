"""Weights as safetensors: numbers and names only, nothing that could run.

Slicer does not bundle the safetensors package, so reading has a fallback here; the format is 8 bytes of header length,
a JSON header with dtype, shape and byte range of each tensor, then the bytes.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import ModelError

_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}
_MAX_HEADER_BYTES = 10_000_000


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name, on the CPU. Raises ModelError when the file is missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path.name} of the model cannot be read: {error.strerror}; copy the model again") from error
    try:
        return _parse(content)
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path.name} of the model is damaged ({error}); copy the model again") from error


def write_weights(tensors: dict[str, Tensor], path: Path) -> Path:
    """Write tensors by name and read them back. Needs the safetensors package. Raises WriteError."""
    return atomic_file.write_bytes(path, encoded_weights(tensors))


def encoded_weights(tensors: dict[str, Tensor]) -> bytes:
    """The content of a file with these tensors. Needs the safetensors package."""
    from safetensors.torch import save

    encoded: bytes = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    return encoded


def _parse(content: bytes) -> dict[str, Tensor]:
    header_bytes = int.from_bytes(content[:8], "little")
    if len(content) < 8 or not 2 <= header_bytes <= min(_MAX_HEADER_BYTES, len(content) - 8):
        raise ValueError("the header does not fit the file")
    header = json.loads(content[8 : 8 + header_bytes])
    header.pop("__metadata__", None)
    data = memoryview(content)[8 + header_bytes :]
    return {name: _tensor(name, entry, data) for name, entry in header.items()}


def _tensor(name: str, entry: dict[str, Any], data: memoryview) -> Tensor:
    dtype, shape = _DTYPES[entry["dtype"]], [int(length) for length in entry["shape"]]
    begin, end = (int(offset) for offset in entry["data_offsets"])
    if not 0 <= begin <= end <= len(data) or end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"tensor {name} lies outside the file")
    if begin == end:  # frombuffer refuses an empty buffer
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(bytearray(data[begin:end]), dtype=dtype).reshape(shape)
