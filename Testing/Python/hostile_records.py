"""Every reader of a record that nobody vouches for, and records that were damaged or made to hurt.

A reader may raise the errors of its docstring and nothing else. `make fuzz` tries them a million times.
"""

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from made_experiment import CASES, FOUND
from sample_screenings import SUSPICIOUS
from screening_inputs import write_model
from small_store import small_store

from PDACScreeningLib.config import TrainingConfig
from PDACScreeningLib.datasets.csv_list import csv_list
from PDACScreeningLib.datasets.msd_pancreas import msd_pancreas
from PDACScreeningLib.datasets.phantom_cohort import phantom_cohort
from PDACScreeningLib.datasets.split import Split, read_split, write_split
from PDACScreeningLib.errors import CheckpointError, DataError, ModelError, UsageError
from PDACScreeningLib.evaluation.case_result import Reading
from PDACScreeningLib.evaluation.experiment import read_experiment, write_experiment
from PDACScreeningLib.evaluation.reading_file import read_labels, read_result, write_reading
from PDACScreeningLib.network.checkpoint import Checkpoint, decode_checkpoint, encode_checkpoint
from PDACScreeningLib.network.model_description import read_description
from PDACScreeningLib.network.model_directory import load_model
from PDACScreeningLib.network.weights_file import read_weights, write_weights
from PDACScreeningLib.phantom.phantom_files import CT_NAME, JSON_NAME, LABELS_NAME, is_finished
from PDACScreeningLib.phantom.specification_draw import random_specification
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.screening_json import from_json, to_json
from PDACScreeningLib.session.work_order import work_order
from PDACScreeningLib.session.worker import read_order
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.native_truth import read_native_truth, write_native_truth
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

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
    """How a file is read, a whole one, what it may raise, and how a changed one is made believable again.

    damage: how a changed one is made, where that is not done value by value.
    """

    whole: bytes
    read: Callable[[Path], object]
    errors: tuple[type[Exception], ...]
    reseal: Callable[[bytes], bytes] = bytes
    damage: Callable[[random.Random], bytes] | None = None


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
        **_of_evaluations(folder),
        **_of_data_sets(folder),
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
        "an order": Reader(_order(), lambda path: read_order(path.read_text(errors="replace")), (UsageError,)),
    }


def _order() -> bytes:
    return json.dumps(to_plain(work_order("ct.nii.gz", "out", {"protocol": "fast"}))).encode()


def _of_evaluations(folder: Path) -> dict[str, Reader]:
    """An experiment, and a reading of a case with its label map."""
    place = folder / "readings"
    place.mkdir()
    write_experiment(FOUND, place / "experiment.json")
    write_reading(place, "a", "made of", Reading(CASES[0], np.zeros((2, 3, 4), np.uint8)))
    result, labels = place / "a.json", place / "a.labels.npz"
    whole = labels.read_bytes()

    def read_reading(path: Path) -> object:
        result.write_bytes(path.read_bytes())
        return read_result(place, "a", "made of")

    def read_label_map(path: Path) -> object:
        labels.write_bytes(path.read_bytes())
        return read_labels(place, "a")

    return {
        "experiment.json": Reader((place / "experiment.json").read_bytes(), read_experiment, (DataError,)),
        # in this order: a label map is read with its reading, which damage would have left broken
        "reading.labels.npz": Reader(whole, read_label_map, (DataError,)),
        "reading.json": Reader(result.read_bytes(), read_reading, (DataError,)),
    }


def _of_data_sets(folder: Path) -> dict[str, Reader]:
    """What lies beside the scans of a data set, of a phantom, and of a store."""
    msd, phantom, store = (folder / name for name in ("msd", "phantoms/one", "array-store"))
    for name in ("imagesTr", "labelsTr"):
        (msd / name).mkdir(parents=True)
        (msd / name / "pancreas_001.nii.gz").touch()
    phantom.mkdir(parents=True)
    for name in (CT_NAME, LABELS_NAME):
        (phantom / name).touch()
    small_store(store, cases=1)
    array = next(store.glob("*.hu.npy"))
    before = array.read_bytes()
    spec = random_specification(1)
    about = {"specification": spec.to_json(), "facts": {"tumor_hu_below_gland": None, "confounders": []}}
    truth = LabelMap(np.zeros((2, 3, 4), np.uint8), Geometry((2, 3, 4), (1.0, 1.0, 1.0)))
    write_native_truth(folder, "one", truth)

    def at(place: Path, read: Callable[[], object]) -> Callable[[Path], object]:
        return lambda path: (place.write_bytes(path.read_bytes()), read())

    def read_truth(path: Path) -> object:
        return read_native_truth(path, hashlib.sha256(path.read_bytes()).hexdigest())

    labels = b'{"labels": {"0": "background", "1": "pancreas", "2": "cancer"}}'
    return {
        "dataset.json": Reader(labels, at(msd / "dataset.json", lambda: msd_pancreas(msd)), (DataError,)),
        "phantom.json": Reader(
            json.dumps(about).encode(),
            at(phantom / JSON_NAME, lambda: (is_finished(spec, phantom), phantom_cohort(phantom.parent))),
            (DataError,),
        ),
        "case.hu.npy": Reader(
            array.read_bytes(),
            at(array, lambda: CaseStore(store).cases),
            (DataError,),
            damage=lambda draw: _bytes_changed(before[:128], draw) + before[128:],
        ),
        "case.native.npz": Reader((folder / "one.native.npz").read_bytes(), read_truth, (DataError,)),
    }


def damaged(reader: Reader, draw: random.Random) -> bytes:
    """The whole file with one value replaced, or some bytes changed; or bytes that never were such a file."""
    while True:
        content = _changed(reader, draw) if reader.damage is None else reader.damage(draw)
        if content != reader.whole:
            return content


def _changed(reader: Reader, draw: random.Random) -> bytes:
    kind = draw.random()
    if kind < 0.6:
        try:
            return reader.reseal(_with_another_value(json.loads(reader.whole), draw))
        except ValueError:
            pass
    if kind < 0.95:
        return reader.reseal(_bytes_changed(reader.whole, draw))
    return draw.randbytes(draw.randint(0, 60))


def _bytes_changed(whole: bytes, draw: random.Random) -> bytes:
    content = bytearray(whole)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(content) or 1)  # a small file may have lost all its bytes already
        content[at : at + draw.choice((0, 1, 1, 9))] = draw.randbytes(draw.choice((0, 1, 1, 9)))
    return bytes(content)


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
