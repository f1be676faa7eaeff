"""Every reader of a record that nobody vouches for, and records that were damaged or made to hurt.

    python Testing/Python/hostile_records.py 100000       so many executions of every reader, from seed 2019

A reader may raise the errors of its docstring and nothing else.
"""

import hashlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from sample_screenings import SUSPICIOUS
from screening_inputs import write_model
from small_store import small_store

from PDACScreeningLib.config import TrainingConfig
from PDACScreeningLib.datasets.csv_list import csv_list
from PDACScreeningLib.datasets.split import Split, read_split, write_split
from PDACScreeningLib.errors import CheckpointError, DataError, ModelError
from PDACScreeningLib.network.checkpoint import Checkpoint, decode_checkpoint, encode_checkpoint
from PDACScreeningLib.network.model_description import read_description
from PDACScreeningLib.network.model_directory import load_model
from PDACScreeningLib.network.weights_file import read_weights, write_weights
from PDACScreeningLib.screening_json import from_json, to_json
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.volume.label_map import Label

SEED = 2019
_DEEP = "[" * 100_000
RAW = ("NaN", "-Infinity", "1e999", "1" + "0" * 400, _DEEP, '{"a": 1, "a": 2}', '"\\ud800"', '"\\u0000"', "{", "")
VALUES = (
    None,
    True,
    -1,
    0,
    1,
    2**63,
    -0.5,
    1e308,
    "",
    "../../out",
    "/etc/passwd",
    "a\nb",
    [],
    {},
    [[]],
    {"": []},
    "€" * 9,
)
_PLACE = "@ here @"


@dataclass(frozen=True)
class Reader:
    """How a file is read, a whole one, what it may raise, and how a changed one is made believable again."""

    whole: bytes
    read: Callable[[Path], object]
    errors: tuple[type[Exception], ...]
    reseal: Callable[[bytes], bytes] = bytes


def readers(folder: Path) -> dict[str, Reader]:
    """All of them, each reading the file it is given. folder: empty, for what readers need around that file."""
    model = write_model(folder / "model", Label.TUMOR)
    small_store(folder / "store", cases=1)
    split = write_split(Split((("a", "b"), ("c",)), ("d",), ("e",)), folder / "split.json")
    weights = write_weights({"a.w": torch.ones(2, 3), "b": torch.arange(4)}, folder / "weights")
    state = {"w": torch.zeros(2)}
    checkpoint = encode_checkpoint(Checkpoint(TrainingConfig(), 16, 3, state, {"step": 1}, {"store": "x"}))
    described, index = model / "model.json", folder / "store" / "store.json"

    def at(place: Path, read: Callable[[], object]) -> Callable[[Path], object]:
        return lambda path: (place.write_bytes(path.read_bytes()), read())

    screening = json.dumps(to_json(SUSPICIOUS)).encode()
    return {
        "screening.json": Reader(screening, lambda path: from_json(read_json(path)), (ValueError,)),
        "model.json": Reader(described.read_bytes(), at(described, lambda: read_description(model)), (ModelError,)),
        "model.json, sealed": Reader(
            described.read_bytes(), at(described, lambda: load_model(model)), (ModelError,), _sealed
        ),
        "weights.safetensors": Reader(weights.read_bytes(), read_weights, (ModelError,)),
        "checkpoint": Reader(checkpoint, lambda path: decode_checkpoint(path.read_bytes(), path), (CheckpointError,)),
        "store.json": Reader(index.read_bytes(), at(index, lambda: CaseStore(folder / "store")), (DataError,)),
        "split.json": Reader(split.read_bytes(), read_split, (DataError,)),
        "cases.csv": Reader(b"image,labels,case_id\na.nii.gz,b.nii.gz,one\nc.nrrd,d.nrrd,\n", csv_list, (DataError,)),
    }


def damaged(reader: Reader, draw: random.Random) -> bytes:
    """The whole file with one value replaced, or some bytes changed; or bytes that never were such a file."""
    kind = draw.random()
    if kind < 0.6:
        try:
            return reader.reseal(_with_another_value(json.loads(reader.whole), draw))
        except ValueError:
            pass
    if kind < 0.95:
        content = bytearray(reader.whole)
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(content))
            content[at : at + draw.choice((0, 1, 1, 9))] = draw.randbytes(draw.choice((0, 1, 1, 9)))
        return reader.reseal(bytes(content))
    return draw.randbytes(draw.randint(0, 60))


def _with_another_value(content: object, draw: random.Random) -> bytes:
    node = content
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = draw.choice(keys)
        if not isinstance(node[key], dict | list) or not node[key] or draw.random() < 0.2:
            break
        node = node[key]
    how = draw.random()
    if how < 0.1 and isinstance(node, dict):
        node[draw.choice(("x", "__class__", ""))] = node.pop(key)
    else:
        node[key] = _PLACE if how < 0.4 else draw.choice(VALUES)
    return json.dumps(content).replace(json.dumps(_PLACE), draw.choice(RAW)).encode()


def _sealed(content: bytes) -> bytes:
    """With the digest that belongs to the changed content, as somebody would do who means harm."""
    try:
        plain = json.loads(content)
        plain.pop("description_sha256", None)
        seal = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
        return json.dumps({**plain, "description_sha256": seal}).encode()
    except (ValueError, AttributeError, RecursionError):
        return content


def main(executions: int) -> int:
    """Fuzz every reader; print how often it read and refused, and what it should not have raised."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, reader in readers(place).items():
            draw, ended, began = random.Random(f"{SEED} {name}"), Counter(), time.monotonic()
            for _ in range(executions):
                content = damaged(reader, draw)
                (place / "file").write_bytes(content)
                try:
                    reader.read(place / "file")
                    ended["read"] += 1
                except reader.errors:
                    ended["refused"] += 1
                except Exception as error:  # what is looked for
                    ended[f"WRONG {type(error).__name__}"] += 1
                    wrong += 1
                    sys.stderr.write(f"{name}: {error!r} for {content[:300]!r}\n")
            sys.stdout.write(f"{name}: {executions} executions, {dict(ended)}, {time.monotonic() - began:.0f} s\n")
            sys.stdout.flush()
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
