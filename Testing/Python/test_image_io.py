"""Scans and label maps come back from every format as ITK would read them; a writer is never believed."""

import gzip
import hashlib

import numpy as np
import pytest
import SimpleITK as sitk
from stored_scans import OBLIQUE, ORIENTATIONS, REAL_CT, body_geometry, body_hu, nifti_bytes, stored_as

from PDACScreeningLib.errors import InputRejected, WriteError
from PDACScreeningLib.scan_files.image_io import read_ct_file, read_label_map, write_volume
from PDACScreeningLib.volume.geometry import Geometry

KINDS = {
    ".nii": "NIfTI",
    ".nii.gz": "NIfTI",
    ".nrrd": "NRRD",
    ".nhdr": "NRRD",
    ".mha": "MetaImage",
    ".mhd": "MetaImage",
}


def write_with_itk(array, geometry, path, *, compressed=False):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    sitk.WriteImage(image, str(path), useCompression=compressed)
    return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", KINDS)
def test_every_format_reads_as_itk_wrote_it(tmp_path, suffix, compressed):
    geometry = Geometry((20, 24, 28), (2.5, 2.5, 3.0), (-40.0, 30.0, 100.0), OBLIQUE)
    path = write_with_itk(body_hu(), geometry, tmp_path / f"ct{suffix}", compressed=compressed)
    read = read_ct_file(path)
    assert np.array_equal(read.volume.hu, body_hu())
    assert read.volume.geometry.is_close(geometry)
    assert read.kind == KINDS[suffix]
    assert read.warnings == ("the scan covers only 60 mm from head to foot; part of the pancreas may be missing",)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("orientation", ORIENTATIONS[::5])
def test_the_grid_is_that_of_the_file_in_every_orientation(tmp_path, suffix, orientation):
    array, geometry = stored_as(body_hu(), body_geometry(), orientation)
    read = read_ct_file(write_with_itk(array, geometry, tmp_path / f"ct{suffix}"))
    assert np.array_equal(read.volume.hu, array)
    assert read.volume.geometry.is_close(geometry)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_hounsfield_units_may_be_stored_as_any_number(tmp_path, suffix, dtype):
    path = write_with_itk(body_hu().astype(dtype), body_geometry(), tmp_path / f"ct{suffix}")
    assert np.array_equal(read_ct_file(path).volume.hu, body_hu())


def test_unsigned_numbers_with_slope_and_intercept_are_rescaled(tmp_path):
    stored = ((body_hu().astype(int) + 1024) * 2).astype(np.uint16)
    scaling = np.array([0.5, -1024.0], "<f4").tobytes()
    (tmp_path / "ct.nii").write_bytes(nifti_bytes(stored, header=[(112, scaling)]))
    assert np.array_equal(read_ct_file(tmp_path / "ct.nii").volume.hu, body_hu())


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_a_slope_of_zero_or_nan_without_intercept_means_unscaled(tmp_path, slope):
    scaling = np.array([slope, 0.0], "<f4").tobytes()
    (tmp_path / "ct.nii").write_bytes(nifti_bytes(body_hu(), header=[(112, scaling)]))
    assert np.array_equal(read_ct_file(tmp_path / "ct.nii").volume.hu, body_hu())


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_are_read(tmp_path, order):
    (tmp_path / "ct.nii").write_bytes(nifti_bytes(body_hu(), order=order))
    assert np.array_equal(read_ct_file(tmp_path / "ct.nii").volume.hu, body_hu())


def test_a_trailing_axis_of_one_volume_is_no_fourth_dimension(tmp_path):
    (tmp_path / "ct.nii").write_bytes(nifti_bytes(body_hu()[None, None]))
    assert read_ct_file(tmp_path / "ct.nii").volume.geometry.shape == (20, 24, 28)


def test_the_hash_is_of_int16_little_endian_voxels_in_the_order_of_the_file(tmp_path):
    hashes = set()
    for suffix in (".nii", ".nrrd", ".mha"):
        hashes.add(read_ct_file(write_with_itk(body_hu(), body_geometry(), tmp_path / f"ct{suffix}")).voxels_sha256)
    assert hashes == {hashlib.sha256(body_hu().astype("<i2").tobytes()).hexdigest()}


def test_the_file_name_is_told_only_when_asked_for(tmp_path):
    path = write_with_itk(body_hu(), body_geometry(), tmp_path / "DOE_JOHN.nii.gz")
    assert read_ct_file(path).identifiers == {}
    assert "DOE" not in " ".join(read_ct_file(path).warnings)
    assert read_ct_file(path, include_identifiers=True).identifiers == {"file_name": "DOE_JOHN.nii.gz"}


def test_reading_prints_nothing(tmp_path, capfd):
    read_ct_file(write_with_itk(body_hu(), body_geometry(), tmp_path / "ct.nii.gz"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_label_maps_may_be_stored_as_any_number(tmp_path, dtype):
    labels = (np.arange(20 * 24 * 28).reshape(20, 24, 28) % 3).astype(np.uint8)
    path = write_with_itk(labels.astype(dtype), body_geometry(), tmp_path / "labels.nii.gz")
    read = read_label_map(path)
    assert np.array_equal(read.labels, labels)
    assert read.geometry.is_close(body_geometry())


@pytest.mark.parametrize("value", [3.0, -1.0, 0.5, 255.0, float("nan")])
def test_a_label_map_with_another_value_is_refused(tmp_path, value):
    labels = np.zeros((8, 9, 10), np.float32)
    labels[2, 3, 4] = value
    path = write_with_itk(labels, body_geometry(labels.shape), tmp_path / "labels.nrrd")
    with pytest.raises(InputRejected, match="label map"):
        read_label_map(path)


def test_labels_a_hair_off_a_whole_number_are_rounded(tmp_path):
    labels = np.full((8, 9, 10), 1.0000001, np.float32)
    path = write_with_itk(labels, body_geometry(labels.shape), tmp_path / "labels.mha")
    assert (read_label_map(path).labels == 1).all()


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".nii", ".mha"])
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
def test_what_is_written_reads_back(tmp_path, suffix, dtype):
    array = (body_hu() % 3).astype(dtype)
    geometry = Geometry(array.shape, (0.7, 0.8, 2.5), (-1.0, 2.0, -3.0), OBLIQUE)
    path = write_volume(array, geometry, tmp_path / "new folder" / f"volume{suffix}")
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), array)
    assert np.allclose(image.GetDirection(), OBLIQUE, atol=1e-6)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_writer_that_loses_voxels_is_found_out_and_the_old_file_stays(tmp_path, monkeypatch):
    path = tmp_path / "ct.nii.gz"
    path.write_bytes(b"the old file")

    def full_disk(_image, name, **_):
        with gzip.open(name, "wb") as file:
            file.write(nifti_bytes(body_hu())[:-2000])

    monkeypatch.setattr(sitk, "WriteImage", full_disk)
    with pytest.raises(WriteError, match="incomplete"):
        write_volume(body_hu(), body_geometry(), path)
    assert path.read_bytes() == b"the old file"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("what", ["voxels", "geometry"])
def test_a_writer_that_changes_something_is_found_out(tmp_path, monkeypatch, what):
    real = sitk.WriteImage

    def wrong(image, name, **_):
        changed = image + 1 if what == "voxels" else image
        if what == "geometry":
            changed.SetOrigin((0.0, 0.0, 0.0))
        real(changed, name)

    monkeypatch.setattr(sitk, "WriteImage", wrong)
    with pytest.raises(WriteError, match=f"{what} did not read back"):
        write_volume(body_hu(), body_geometry(), tmp_path / "ct.nrrd")


def test_only_single_file_formats_are_written(tmp_path):
    with pytest.raises(ValueError, match=r"not as ct\.mhd"):
        write_volume(body_hu(), body_geometry(), tmp_path / "ct.mhd")
    with pytest.raises(ValueError, match="its geometry says"):
        write_volume(body_hu(), body_geometry((1, 2, 3)), tmp_path / "ct.nrrd")


def test_the_real_nifti_reads_as_itk_reads_it():
    path = REAL_CT / "ts_example_ct_3mm.nii.gz"
    if not path.exists():
        pytest.skip("../shared/data/real_ct_totalsegmentator_Apache2 is absent")
    read, image = read_ct_file(path), sitk.ReadImage(str(path))
    assert np.array_equal(read.volume.hu, np.maximum(sitk.GetArrayFromImage(image), -1024))
    assert read.volume.geometry.direction == (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)
    assert read.volume.geometry.origin_mm == pytest.approx(image.GetOrigin())
    assert read.warnings == ()
