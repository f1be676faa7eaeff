"""What Slicer hands to the child process is, bit for bit, what the command line reads from the same file."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer

from PDACScreeningLib.mrml.ct_volume_node import write_input_file
from PDACScreeningLib.scan_files.image_io import read_ct_file, write_volume
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.volume.geometry import Geometry

DICOM = Path(__file__).resolve().parents[3] / "shared/data/real_ct_totalsegmentator_Apache2/dicom_portal_venous"
SHAPE = (40, 60, 80)
STRAIGHT = Geometry(SHAPE, (0.976562, 0.976562, 2.5), (-249.51171875, -437.3, 812.7))
FACING = replace(STRAIGHT, direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
CORONAL = replace(STRAIGHT, direction=(0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0))


def oblique():
    """A grid tilted about three axes, with as many digits as numbers have."""
    axes, _ = np.linalg.qr(np.eye(3) + np.random.default_rng(4).normal(0, 0.1, (3, 3)))
    axes *= np.sign(np.diag(axes))
    a, b, c, d, e, f, g, h, i = (float(value) for value in axes.ravel())
    return Geometry(SHAPE, (2 / 3, 0.7, math.pi), (-100 / 7, 200 / 9, 1000 / 11), (a, b, c, d, e, f, g, h, i))


def body_hu():
    """(z, y, x) int16 of a soft box in air."""
    hu = np.full(SHAPE, -1000, np.int16)
    hu[5:35, 5:55, 10:70] = np.random.default_rng(0).integers(0, 90, (30, 50, 60))
    return hu


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize(
    "grid", [STRAIGHT, FACING, CORONAL, oblique()], ids=["straight", "facing", "coronal", "oblique"]
)
def test_a_file_opened_in_slicer_reaches_the_child_as_it_is(scene, tmp_path, suffix, grid):
    scan = write_volume(body_hu(), grid, tmp_path / f"scan{suffix}")
    typed = read_ct_file(scan)
    handed = read_ct_file(write_input_file(slicer.util.loadVolume(str(scan)), tmp_path / "ct.mha"))
    assert handed.volume.geometry == typed.volume.geometry
    assert handed.voxels_sha256 == typed.voxels_sha256


def test_a_dicom_series_opened_in_slicer_reaches_the_child_as_it_is(scene, tmp_path):
    if not DICOM.exists():
        pytest.skip("the real CT in ../shared is absent")
    typed = read_scan(DICOM)
    handed = read_ct_file(write_input_file(slicer.util.loadVolume(str(min(DICOM.iterdir()))), tmp_path / "ct.mha"))
    assert handed.volume.geometry == typed.volume.geometry
    assert handed.voxels_sha256 == typed.voxels_sha256
