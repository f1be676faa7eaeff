"""A multi-frame CT is read frame by frame as if its frames were slices."""

import numpy as np
import pytest
from dicom_slices import SHAPE, body_slices, write_series
from multi_frame_ct import multi_frame_dataset, write_multi_frame
from stored_scans import body_hu

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.scan_files.slice_header import ENHANCED_CT_IMAGE, LEGACY_CONVERTED_CT_IMAGE

POSITIONS = [(-35.0, -36.0, 100.0 + 3.0 * z) for z in range(SHAPE[0])]


@pytest.fixture
def as_slices(tmp_path):
    return read_scan(write_series(tmp_path / "slices", body_slices()))


@pytest.mark.parametrize("sop_class", [ENHANCED_CT_IMAGE, LEGACY_CONVERTED_CT_IMAGE])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("in_a_folder", [False, True])
def test_a_multi_frame_file_equals_its_slices(tmp_path, as_slices, sop_class, compressed, backwards, in_a_folder):
    step = -1 if backwards else 1
    dataset = multi_frame_dataset(body_hu(SHAPE)[::step], POSITIONS[::step], sop_class=sop_class)
    path = write_multi_frame(tmp_path / "scan" / "frames.dcm", dataset, compressed=compressed)
    read = read_scan(path.parent if in_a_folder else path)
    assert read.voxels_sha256 == as_slices.voxels_sha256
    assert read.volume.geometry == as_slices.volume.geometry
    assert read.warnings == as_slices.warnings


def test_two_acquisitions_of_a_multi_frame_file_are_told_apart(tmp_path):
    late = body_hu(SHAPE) + 40
    dataset = multi_frame_dataset(
        np.concatenate([body_hu(SHAPE), late]), POSITIONS * 2, acquisitions=[1] * SHAPE[0] + [2] * SHAPE[0]
    )
    path = write_multi_frame(tmp_path / "frames.dcm", dataset)
    with pytest.raises(InputRejected, match="choose one with --acquisition .*acquisition 1: 20 slices"):
        read_scan(path)
    assert np.array_equal(read_scan(path, acquisition="2").volume.hu, late)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.99])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_multi_frame_file_that_is_cut_off_is_refused(tmp_path, share, compressed):
    dataset = multi_frame_dataset(body_hu(SHAPE), POSITIONS)
    path = write_multi_frame(tmp_path / "frames.dcm", dataset, compressed=compressed)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputRejected, match="incomplete|damaged|cannot be read"):
        read_scan(path)


def test_frames_without_groups_of_their_own_are_refused(tmp_path):
    dataset = multi_frame_dataset(body_hu(SHAPE), POSITIONS)
    del dataset.PerFrameFunctionalGroupsSequence[3]
    with pytest.raises(InputRejected, match="damaged"):
        read_scan(write_multi_frame(tmp_path / "frames.dcm", dataset))
