"""A phantom as DICOM: the voxels of its file, identifiers of its own, and no patient."""

import numpy as np
import pydicom
import pytest

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.scan_files.series_reader import read_series
from PDACScreeningLib.scan_files.series_source import read_series_source

GRID = ("--shape", "64", "64", "40", "--spacing", "5", "5", "5")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = []
    for number, seed in enumerate(("1", "1", "2")):
        folder = tmp_path_factory.mktemp(f"phantom{number}")
        truth = ("--tumor-diameter-mm", "40", *GRID)
        assert main(["phantom", "--seed", seed, "--dicom", "--output", str(folder), *truth]) == 0
        made.append(folder)
    return made


def test_the_series_has_the_voxels_and_the_grid_of_the_file(folders):
    series, file = read_series(folders[0] / "dicom"), read_scan(folders[0] / "ct.nii.gz")
    assert np.array_equal(series.volume.hu, file.volume.hu)
    assert series.volume.geometry.is_close(file.volume.geometry)
    assert series.warnings == file.warnings


def test_results_can_be_made_of_it_and_it_is_called_a_phantom(folders):
    source = read_series_source(read_series(folders[0] / "dicom").slices)
    assert str(source.images[0].PatientName) == "Phantom^1"
    assert len(set(source.instance_uids)) == 40


def test_the_same_seed_gives_the_same_bytes_and_another_one_shares_no_identifier(folders):
    one, again, other = ([path.read_bytes() for path in sorted((folder / "dicom").iterdir())] for folder in folders)
    assert one == again
    uids = [
        {str(pydicom.dcmread(path)[name].value) for path in (folder / "dicom").iterdir() for name in names}
        for folder in (folders[0], folders[2])
        for names in [("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")]
    ]
    assert len(uids[0]) == len(uids[1]) == 43
    assert not uids[0] & uids[1]
    assert one != other
