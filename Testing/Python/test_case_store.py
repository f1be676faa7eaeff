"""The memory-mapped store of training cases."""

import json

import numpy as np
import pytest
from small_store import SPACING_MM, small_case, small_store, store_case

from PDACScreeningLib.errors import DataError
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.store_index import write_index


def test_voxels_and_labels_come_back_as_stored(tmp_path):
    store = small_store(tmp_path)
    hu, labels = small_case(2, tumor=True)
    case = store.cases[2]
    assert np.array_equal(case.hu, hu)
    assert np.array_equal(case.labels, labels)
    assert case.facts.tumor_voxels == np.count_nonzero(labels == 2)
    assert store.index.working_spacing_mm == SPACING_MM


def test_the_gland_box_covers_pancreas_and_tumor_tightly(tmp_path):
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[2:4, 3:5, 4:6] = 1
    labels[4, 5, 6] = 2
    stored = store_case(tmp_path, "a", np.zeros(labels.shape, np.int16), labels)
    assert (stored.gland.start, stored.gland.stop) == ((2, 3, 4), (5, 6, 7))


def test_voxels_are_not_loaded_but_mapped(tmp_path):
    case = small_store(tmp_path).cases[0]
    assert isinstance(case.hu, np.memmap)
    assert not case.hu.flags.writeable


def test_an_empty_label_map_is_refused(tmp_path):
    with pytest.raises(DataError, match="no pancreas voxel"):
        store_case(tmp_path, "a", np.zeros((8, 8, 8), np.int16), np.zeros((8, 8, 8), np.uint8))


def test_a_folder_without_index_is_refused(tmp_path):
    with pytest.raises(DataError, match="not a case store"):
        CaseStore(tmp_path)


def test_a_store_without_cases_is_refused(tmp_path):
    write_index(tmp_path, 2.0, "nothing", [])
    with pytest.raises(DataError, match="holds no case"):
        CaseStore(tmp_path)


@pytest.mark.parametrize("content", [b"\x93NUMPY", b""])
def test_a_damaged_array_is_refused(tmp_path, content):
    small_store(tmp_path)
    (tmp_path / "case-1.hu.npy").write_bytes(content)
    with pytest.raises(DataError, match="case-1"):
        CaseStore(tmp_path)


def test_an_array_of_another_byte_order_is_refused(tmp_path):
    small_store(tmp_path)
    path = tmp_path / "case-1.hu.npy"
    path.write_bytes(path.read_bytes().replace(b"<i2", b">i2", 1))  # one bit
    with pytest.raises(DataError, match="case-1 in .* holds >i2"):
        CaseStore(tmp_path)


def test_a_split_that_leaves_nobody_is_told_so(tmp_path):
    small_store(tmp_path)
    with pytest.raises(DataError, match="the split names no patient"):
        CaseStore(tmp_path, frozenset())


def test_an_index_of_another_version_is_refused(tmp_path):
    small_store(tmp_path)
    index = json.loads((tmp_path / "store.json").read_text())
    (tmp_path / "store.json").write_text(json.dumps(index | {"format_version": 99}))
    with pytest.raises(DataError, match="format 99"):
        CaseStore(tmp_path)


def test_a_store_of_the_version_before_is_still_read(tmp_path):
    small_store(tmp_path)
    index = json.loads((tmp_path / "store.json").read_text())
    for added in ("datasets", "refused", "notes"):
        del index[added]
    index["cases"] = [
        {key: value for key, value in case.items() if key not in ("dataset", "scan_sha256", "warnings")}
        for case in index["cases"]
    ]
    (tmp_path / "store.json").write_text(json.dumps(index | {"format_version": 2}))
    store = CaseStore(tmp_path)
    assert len(store.cases) == 4
    assert store.index.cases[0].warnings == ()


def test_the_digest_follows_the_content(tmp_path):
    first, same = small_store(tmp_path / "a"), small_store(tmp_path / "b")
    other = small_store(tmp_path / "c", cases=3)
    assert first.sha256 == same.sha256 != other.sha256
