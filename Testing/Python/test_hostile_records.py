"""Records that nobody vouches for: read, or refused by the error their reader promises, never by another."""

import json
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from hostile_records import RAW, Reader, damaged, readers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from screening_inputs import write_model, write_scan
from small_store import small_store

from PDACScreeningLib.errors import DataError, ModelError
from PDACScreeningLib.network.model_description import ModelDescription, read_description, sealed
from PDACScreeningLib.network.model_directory import load_model
from PDACScreeningLib.network.weights_file import read_weights, write_weights
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.strict_json import MAX_BYTES, parse_json
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.volume.label_map import Label

NAMES = (
    *("screening.json", "model.json", "model.json, sealed", "weights.safetensors"),
    *("checkpoint", "store.json", "split.json", "cases.csv", "an order"),
    *("experiment.json", "reading.labels.npz", "reading.json"),
    *("dataset.json", "phantom.json", "case.hu.npy", "case.native.npz"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("records")


@pytest.fixture(scope="module")
def all_readers(folder):
    return readers(folder)


def test_every_reader_is_tried(all_readers):
    assert set(all_readers) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_record_is_read(all_readers, folder, name):
    (folder / "file").write_bytes(all_readers[name].whole)
    all_readers[name].read(folder / "file")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_hostile_record_is_read_or_refused_in_our_words(all_readers, folder, name, seed):
    reader = all_readers[name]
    (folder / "file").write_bytes(damaged(reader, random.Random(seed)))
    try:
        reader.read(folder / "file")
    except reader.errors:
        return


def test_a_file_of_three_bytes_can_be_damaged():
    tiny = Reader(b"[1]", bytes, ())
    for seed in range(500):
        assert damaged(tiny, random.Random(seed)) != tiny.whole


@pytest.mark.parametrize("raw", RAW)
def test_what_is_no_strict_json_is_a_value_error(raw):
    with pytest.raises(ValueError):  # noqa: PT011  # each in words of its own
        parse_json(f'{{"a": {raw}}}')


def test_json_that_is_too_long_or_too_deep_is_refused():
    with pytest.raises(ValueError, match="longer than 32 MiB"):
        parse_json(" " * (MAX_BYTES + 1))
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json("[" * 40 + "]" * 40)
    assert parse_json('{"a": [1, 2.5, "é", null]}') == {"a": [1, 2.5, "é", None]}


def write_safetensors(path, entries, data):
    header = json.dumps(entries).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


@pytest.mark.parametrize(
    "places",
    [
        [(0, 4000), (0, 4000)],  # the same bytes twice: a small file that asks for much memory
        [(0, 4000), (2000, 6000)],
        [(0, 4000), (8000, 12000)],  # a hole
        [(0, 4000)],  # bytes behind the last
        [(4000, 0), (0, 4000)],
    ],
)
def test_tensors_that_overlap_or_leave_holes_are_refused_before_memory_is_asked_for(tmp_path, places, monkeypatch):
    monkeypatch.setattr(torch, "frombuffer", lambda *_, **__: pytest.fail("memory was asked for"))
    entries = {f"t{i}": {"dtype": "F32", "shape": [1000], "data_offsets": place} for i, place in enumerate(places)}
    write_safetensors(tmp_path / "weights", entries, bytes(12000))
    with pytest.raises(ModelError, match="damaged"):
        read_weights(tmp_path / "weights")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    write_weights({"a": torch.tensor([1.0, value])}, tmp_path / "weights")
    with pytest.raises(ModelError, match="not finite"):
        read_weights(tmp_path / "weights")


def resealed(folder, **changed):
    """model.json with other values under a seal that fits."""
    plain = json.loads((folder / "model.json").read_text()) | changed
    described = sealed(from_plain(ModelDescription, plain))
    (folder / "model.json").write_text(json.dumps(to_plain(described)))


def test_a_model_without_its_seal_is_refused(tmp_path):
    folder = write_model(tmp_path / "model", Label.TUMOR)
    plain = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**plain, "description_sha256": ""}))
    with pytest.raises(ModelError, match="not as it was written"):
        read_description(folder)


def test_a_model_that_would_call_every_scan_negative_is_refused(tmp_path):
    folder = write_model(tmp_path / "model", Label.TUMOR)
    config = json.loads((folder / "model.json").read_text())["config"]
    resealed(folder, config={**config, "decision": {"min_tumor_voxels": 10_000}})
    assert read_description(folder).config.decision.min_tumor_voxels == 10_000
    resealed(folder, config={**config, "decision": {"min_tumor_voxels": 10_001}})
    with pytest.raises(ModelError, match="calls no scan suspicious"):
        read_description(folder)
    resealed(folder, config={**config, "decision": {"min_tumor_voxels": 50, "min_score": 0.995}})
    with pytest.raises(ModelError, match="calls no scan suspicious: it asks for a score"):
        read_description(folder)


def test_a_width_that_no_memory_holds_is_refused_before_it_is_asked_for(tmp_path):
    folder = write_model(tmp_path / "model", Label.TUMOR)
    config = json.loads((folder / "model.json").read_text())["config"]
    resealed(folder, config={**config, "network": {**config["network"], "base_width": 1024}})
    with pytest.raises(ModelError, match="do not fit the configuration"):
        load_model(folder)


@pytest.mark.parametrize("case_id", ["../out", "a/b", "", "..", "a\0b", "a\\b"])
def test_a_case_never_leaves_its_store(tmp_path, case_id):
    small_store(tmp_path / "store", cases=1)
    np.save(tmp_path / "out.hu.npy", np.zeros(3))
    index = json.loads((tmp_path / "store" / "store.json").read_text())
    index["cases"][0]["case_id"] = case_id
    (tmp_path / "store" / "store.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match="would lead elsewhere|no file name may have"):
        CaseStore(tmp_path / "store")


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_a_scan_is_screened_although_the_terminal_is_closed(tmp_path, closed):
    model, scan = write_model(tmp_path / "model", Label.TUMOR, working_spacing_mm=4.0), write_scan(tmp_path / "ct.nii")
    command = f"'{sys.executable}' -m PDACScreeningLib screen {scan} --model {model} --output {tmp_path}/out {closed}"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
    assert json.loads((tmp_path / "out" / "screening.json").read_text())["outcome"] == "SUSPICIOUS"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_do_no_harm(closed):
    command = f"'{sys.executable}' -m PDACScreeningLib"
    run = f"{command} models {closed} && {command} split {closed}"
    ended = subprocess.run(["sh", "-c", run], check=False, capture_output=True, text=True)
    assert ended.returncode == 2  # `models` is content, `split` misses its arguments
    assert "Traceback" not in ended.stderr
