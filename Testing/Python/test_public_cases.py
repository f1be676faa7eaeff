"""Every awkward input that was reported in public answers as it should."""

import numpy as np
import pytest
from public_cases import CASES, HU, label_255

from PDACScreeningLib.errors import InputIndeterminate, InputRejected
from PDACScreeningLib.scan_files.image_io import read_label_map
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.label_mapping import LabelMapping


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].outcome == "read"])
def test_what_can_be_read_is_read_with_the_right_words(name, tmp_path, capfd):
    case = CASES[name]
    read = read_scan(case.make(tmp_path / "input"), **case.options)
    if case.same_voxels:
        assert np.array_equal(read.volume.hu, HU)
        assert read.volume.geometry.spacing_mm == pytest.approx((2.5, 3.0, 3.0))
        assert read.volume.geometry.origin_mm == pytest.approx((-35.0, -36.0, 100.0))
    assert case.words in "\n".join(read.warnings)
    assert bool(read.warnings) == bool(case.words)
    assert case.warnings in (None, len(read.warnings))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].outcome != "read"])
def test_what_cannot_be_answered_is_not_answered(name, tmp_path, capfd):
    case = CASES[name]
    error = InputRejected if case.outcome == "rejected" else InputIndeterminate
    with pytest.raises(error, match=case.words):
        read_scan(case.make(tmp_path / "input"), **case.options)
    assert capfd.readouterr() == ("", "")


def test_padding_of_any_value_is_air(tmp_path):
    hu = read_scan(CASES["PC-18"].make(tmp_path / "input")).volume.hu
    assert (hu[:, :2, :4] == -1024).all()
    assert np.array_equal(hu[:, 2:], HU[:, 2:])


def test_a_label_map_of_0_and_255_is_read(tmp_path):  # PC-06
    labels = read_label_map(label_255(tmp_path), LabelMapping(((255, Label.PANCREAS),))).labels
    assert np.array_equal(labels, (HU > 40).astype(np.uint8))
