"""Axes at right angles are taken as they are, a hair off is mended with a warning, more is refused."""

import struct

import numpy as np
import pytest
from stored_scans import OBLIQUE, body_hu, nifti_bytes

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.file_header import read_header
from PDACScreeningLib.scan_files.header_geometry import header_geometry
from PDACScreeningLib.volume.geometry import IDENTITY

SPACING = np.array([3.0, 3.0, 3.0])


def sheared_nifti(path, degrees, *, direction=IDENTITY):
    """A NIfTI whose z axis leans `degrees` towards x."""
    axes = np.array(direction, float).reshape(3, 3)
    lean = np.deg2rad(degrees)
    axes[:, 2] = np.cos(lean) * axes[:, 2] + np.sin(lean) * axes[:, 0]
    affine = np.hstack([axes * SPACING, [[5.0], [6.0], [7.0]]])
    path.write_bytes(nifti_bytes(body_hu(), header=[(280, struct.pack("<12f", *affine.ravel()))]))
    return read_header(path)[0]


def nrrd(path, vectors):
    path.write_text(
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 28 24 20\n"
        f"space directions: {vectors}\nkinds: domain domain domain\nendian: little\nencoding: raw\n"
        "space origin: (5,6,7)\n\n"
    )
    return read_header(path)[0]


def test_right_angles_are_taken_without_a_word(tmp_path):
    placed = header_geometry(sheared_nifti(tmp_path / "ct.nii", 0.0))
    assert placed.warnings == ()
    assert placed.geometry.origin_mm == (-5.0, -6.0, 7.0)  # NIfTI is RAS
    assert placed.geometry.direction == (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)


def test_an_oblique_direction_is_kept(tmp_path):
    placed = header_geometry(sheared_nifti(tmp_path / "ct.nii", 0.0, direction=OBLIQUE))
    expected = np.array(OBLIQUE).reshape(3, 3) * [[-1], [-1], [1]]
    assert placed.warnings == ()
    assert np.allclose(placed.geometry.axes, expected, atol=1e-6)


@pytest.mark.parametrize("degrees", [0.01, 0.05, 0.09])
def test_a_hair_of_shear_is_mended_with_a_warning(tmp_path, degrees):
    placed = header_geometry(sheared_nifti(tmp_path / "ct.nii", degrees, direction=OBLIQUE))
    axes = placed.geometry.axes
    assert f"by {degrees:.3f} degrees" in placed.warnings[0]
    assert np.allclose(axes @ axes.T, np.eye(3), atol=1e-9)  # directions have ten decimals
    expected = np.array(OBLIQUE).reshape(3, 3) * [[-1], [-1], [1]]
    assert np.abs(axes - expected).max() < np.deg2rad(degrees)
    assert placed.geometry.spacing_mm == pytest.approx(tuple(SPACING), rel=1e-4)
    assert placed.geometry.origin_mm == (-5.0, -6.0, 7.0)


@pytest.mark.parametrize("degrees", [0.11, 1.0, 15.0])
def test_more_shear_is_refused_with_its_angle(tmp_path, degrees):
    header = sheared_nifti(tmp_path / "ct.nii", degrees)
    with pytest.raises(InputRejected, match=rf"sheared by {degrees:.1f} degrees \(a tilted gantry\?\)"):
        header_geometry(header)


def test_shear_of_a_nrrd_is_treated_alike(tmp_path):
    assert header_geometry(nrrd(tmp_path / "ct.nrrd", "(3,0,0) (0,3,0) (0,0,3)")).warnings == ()
    placed = header_geometry(nrrd(tmp_path / "ct.nrrd", "(3,0,0) (0,3,0) (0,0.003,3)"))
    assert "by 0.057 degrees" in placed.warnings[0]
    with pytest.raises(InputRejected, match="sheared by 5"):
        header_geometry(nrrd(tmp_path / "ct.nrrd", "(3,0,0) (0,3,0) (0,0.3,3)"))


def test_axes_that_span_no_volume_are_refused(tmp_path):
    header = nrrd(tmp_path / "ct.nrrd", "(3,0,0) (3,0,0) (0,0,3)")
    with pytest.raises(InputRejected, match=r"sheared by 90|no usable geometry"):
        header_geometry(header)


def test_left_handed_axes_are_fine(tmp_path):
    placed = header_geometry(nrrd(tmp_path / "ct.nrrd", "(3,0,0) (0,3,0) (0,0,-3)"))
    assert np.linalg.det(placed.geometry.axes) == pytest.approx(-1)
    assert placed.warnings == ()


def test_without_an_orientation_the_file_order_is_lps(tmp_path):
    content = nifti_bytes(body_hu(), header=[(252, bytes(4))])
    (tmp_path / "ct.nii").write_bytes(content)
    placed = header_geometry(read_header(tmp_path / "ct.nii")[0])
    assert placed.geometry.direction == (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)
