"""Weights as safetensors: numbers and names only, nothing that could run.

The format is 8 bytes of header length, a JSON header with dtype, shape and byte range of each tensor, then the bytes.
Both ways are here, since 3D Slicer does not bundle the package of that name and nobody should have to install it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.plain_data import from_plain
from PDACScreeningLib.strict_json import parse_json

_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}
_WRITTEN_FIRST = ("I64", "F32", "BF16", "F16")  # the package's order: largest alignment first, then by name
_ALIGNMENT_BYTES = 8
_MAX_HEADER_BYTES = 10_000_000
_MAX_DIMENSIONS = 8


@dataclass(frozen=True)
class _Place:
    """Where a tensor lies in the file, as its header says."""

    dtype: Literal["F32", "F16", "BF16", "I64"]
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]

    def __post_init__(self) -> None:
        if len(self.shape) > _MAX_DIMENSIONS or any(length < 0 for length in self.shape):
            raise ValueError(f"no tensor has the shape {self.shape}")

    @property
    def size_bytes(self) -> int:
        """How many bytes such a tensor has."""
        return math.prod(self.shape) * _DTYPES[self.dtype].itemsize


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name, on the CPU. Raises ModelError when the file is missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path.name} of the model cannot be read: {error.strerror}; copy the model again") from error
    try:
        return _parse(content)
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{path.name} of the model is damaged ({error}); copy the model again") from error


def write_weights(tensors: dict[str, Tensor], path: Path) -> Path:
    """Write tensors by name and read them back. Raises WriteError, ValueError as `encoded_weights`."""
    return atomic_file.write_bytes(path, encoded_weights(tensors))


def encoded_weights(tensors: dict[str, Tensor]) -> bytes:
    """The content of a file with these tensors, bit by bit as the package safetensors writes it.

    Raises ValueError for a tensor of another kind than int64, float32, bfloat16 and float16.
    """
    names = {dtype: name for name, dtype in _DTYPES.items()}
    for name, tensor in tensors.items():
        if tensor.dtype not in names:
            raise ValueError(f"tensor {name} is {tensor.dtype}, which no weights file of this project holds")
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    end = 0
    for name in sorted(tensors, key=lambda name: (_WRITTEN_FIRST.index(names[tensors[name].dtype]), name)):
        tensor = tensors[name].detach().cpu().contiguous()
        parts.append(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
        begin, end = end, end + len(parts[-1])
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT_BYTES)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def _parse(content: bytes) -> dict[str, Tensor]:
    header_bytes = int.from_bytes(content[:8], "little")
    if len(content) < 8 or not 2 <= header_bytes <= min(_MAX_HEADER_BYTES, len(content) - 8):
        raise ValueError("the header does not fit the file")
    header = parse_json(content[8 : 8 + header_bytes])
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    header.pop("__metadata__", None)
    places = {name: from_plain(_Place, entry, name) for name, entry in header.items()}
    data = memoryview(content)[8 + header_bytes :]
    _require_tiling(places, len(data))
    return {name: _tensor(name, place, data) for name, place in places.items()}


def _require_tiling(places: dict[str, _Place], length: int) -> None:
    """Raise ValueError unless the tensors lie one after the other: so they need no more memory than the file has."""
    end = 0
    for name, place in sorted(places.items(), key=lambda item: item[1].data_offsets):
        if place.data_offsets[0] != end or place.data_offsets[1] - end != place.size_bytes:
            raise ValueError(f"tensor {name} does not lie behind the one before it")
        end = place.data_offsets[1]
    if end != length:
        raise ValueError(f"the tensors end at byte {end} of {length}")


def _tensor(name: str, place: _Place, data: memoryview) -> Tensor:
    begin, end = place.data_offsets
    if begin == end:  # frombuffer refuses an empty buffer
        return torch.empty(place.shape, dtype=_DTYPES[place.dtype])
    tensor = torch.frombuffer(bytearray(data[begin:end]), dtype=_DTYPES[place.dtype]).reshape(place.shape)
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"tensor {name} holds numbers that are not finite")
    return tensor
