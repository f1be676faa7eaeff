"""Readings on disk: bound to what they were made of."""

import json

import numpy as np
import pytest
from readings import reading

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.evaluation.case_result import Reading
from PDACScreeningLib.evaluation.reading_file import digest, read_labels, read_result, write_reading

RESULT = reading("case-1", diameter_mm=21.5, voxels=60, score=0.6, fold=2)
LABELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) % 3


def written(folder):
    write_reading(folder, "case-1", "abc", Reading(RESULT, LABELS))
    return folder


def test_a_reading_comes_back_as_it_was(tmp_path):
    folder = written(tmp_path)
    assert read_result(folder, "case-1", "abc") == RESULT
    assert np.array_equal(read_labels(folder, "case-1"), LABELS)


def test_what_was_not_read_yet_is_none(tmp_path):
    assert read_result(tmp_path, "case-1", "abc") is None


def test_a_reading_of_other_weights_is_refused(tmp_path):
    with pytest.raises(DataError, match="made with other weights, cases or settings; choose another --output"):
        read_result(written(tmp_path), "case-1", "xyz")


def test_a_damaged_reading_is_named(tmp_path):
    folder = written(tmp_path)
    (folder / "case-1.json").write_text(json.dumps({"made_of": "abc"}))
    with pytest.raises(DataError, match=r"case-1\.json cannot be used: .*missing key"):
        read_result(folder, "case-1", "abc")
    (folder / "case-1.labels.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"case-1\.labels\.npz cannot be used"):
        read_labels(folder, "case-1")


@pytest.mark.parametrize("damage", ["empty", "cut", "bit", "name"])
def test_a_damaged_label_map_is_named_however_it_was_damaged(tmp_path, damage):
    path = written(tmp_path) / "case-1.labels.npz"
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 3
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    renamed = whole.replace(b"labels", b"LABELS")
    path.write_bytes({"empty": b"", "cut": whole[:middle], "bit": flipped, "name": renamed}[damage])
    with pytest.raises(DataError, match=r"case-1\.labels\.npz cannot be used: .*delete case-1\.json"):
        read_labels(tmp_path, "case-1")


def test_labels_of_another_reading_are_refused(tmp_path):
    folder = written(tmp_path)
    write_reading(folder, "case-2", "abc", Reading(RESULT, np.zeros_like(LABELS)))
    (folder / "case-1.labels.npz").write_bytes((folder / "case-2.labels.npz").read_bytes())
    with pytest.raises(DataError, match="is not the label map that"):
        read_labels(folder, "case-1")


def test_the_digest_depends_on_every_part():
    whole = digest(weights="a", config=ScreeningConfig())
    assert whole == digest(config=ScreeningConfig(), weights="a")
    assert whole != digest(weights="b", config=ScreeningConfig())
    assert whole != digest(weights="a", config=ScreeningConfig(roi_margin_voxels=31))
