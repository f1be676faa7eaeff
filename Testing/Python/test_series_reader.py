"""A folder of DICOM slices becomes the right volume, or one sentence that says why not."""

import struct
from contextlib import suppress

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_slices import SHAPE, body_slices, write_series
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from stored_scans import REAL_CT, body_hu

from PDACScreeningLib.errors import Cancelled, InputIndeterminate, InputRejected
from PDACScreeningLib.scan_files.pixel_data import _require_segments
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.scan_files.series_reader import read_series
from PDACScreeningLib.volume.orientation import canonical_orientation

SHORT = "the scan covers only 60 mm from head to foot; part of the pancreas may be missing"


def refusal(folder, **options):
    with pytest.raises(InputRejected) as caught:
        read_series(folder, **options)
    assert "\n" not in str(caught.value)
    assert str(folder) not in str(caught.value)
    for identifier in ("Doe", "Jane", "MRN12345", "ACC678", "20260102", ".dcm", folder.name):
        assert identifier not in caught.value.sentence
    return str(caught.value)


def test_a_clean_series_is_read_as_itk_reads_it(tmp_path, capfd):
    folder = write_series(tmp_path / "scan", body_slices())
    read = read_series(folder)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert np.array_equal(read.volume.hu, sitk.GetArrayFromImage(image))
    assert read.volume.geometry.spacing_mm == image.GetSpacing() == (2.5, 3.0, 3.0)
    assert read.volume.geometry.origin_mm == image.GetOrigin()
    assert read.volume.geometry.direction == image.GetDirection()
    assert read.kind == "DICOM series"
    assert read.warnings == (SHORT,)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_names_and_numbers_does_not_matter(tmp_path, seed):
    order = np.random.default_rng(seed).permutation(20)
    datasets = body_slices()
    for dataset, number in zip(datasets, order, strict=True):
        dataset.InstanceNumber = int(number)
    read = read_series(write_series(tmp_path, datasets, order=order))
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert read.volume.geometry.origin_mm == (-35.0, -36.0, 100.0)


@pytest.mark.parametrize("orientation", [[1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1], [-1, 0, 0, 0, 1, 0]])
def test_coronal_sagittal_and_mirrored_slices_keep_their_place(tmp_path, orientation):
    normal = np.cross(orientation[:3], orientation[3:])
    positions = [(5.0, 6.0, 7.0) + 3.0 * z * normal for z in range(20)]
    datasets = body_slices(positions_mm=positions, ImageOrientationPatient=orientation)
    read = read_series(write_series(tmp_path, datasets))
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert read.volume.geometry.axes.T.ravel().tolist() == pytest.approx([*orientation, *normal])
    assert np.linalg.det(read.volume.geometry.axes) == pytest.approx(1)
    assert min(np.diag(canonical_orientation(read.volume.geometry).canonical_geometry(read.volume.geometry).axes)) == 1


def test_a_slice_may_have_its_own_rescaling(tmp_path):
    datasets = body_slices()
    stored = np.frombuffer(datasets[4].PixelData, "<u2")
    datasets[4].RescaleSlope, datasets[4].RescaleIntercept = 0.5, -1000
    datasets[4].PixelData = ((stored.astype(int) - 24) * 2).clip(0).astype("<u2").tobytes()
    datasets[4].BitsStored, datasets[4].HighBit = 16, 15
    read = read_series(write_series(tmp_path, datasets))
    assert np.array_equal(read.volume.hu[4], np.maximum(body_hu(SHAPE)[4], -1000))
    assert np.array_equal(read.volume.hu[5], body_hu(SHAPE)[5])


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless])
def test_other_transfer_syntaxes_are_read(tmp_path, syntax):
    datasets = body_slices()
    for dataset in datasets:
        if syntax == RLELossless:
            dataset.compress(RLELossless)
        dataset.file_meta.TransferSyntaxUID = syntax
    assert np.array_equal(read_series(write_series(tmp_path, datasets)).volume.hu, body_hu(SHAPE))


def test_padding_pixels_become_air(tmp_path):
    datasets = body_slices(PixelRepresentation=1, BitsStored=16, HighBit=15)
    for dataset in datasets:
        pixels = np.frombuffer(dataset.PixelData, "<i2").copy()
        pixels[:5] = -2000
        dataset.PixelData = pixels.tobytes()
    read = read_series(write_series(tmp_path, datasets))
    assert (read.volume.hu[:, 0, :5] == -1024).all()
    assert read.warnings == (SHORT,)


def test_identifiers_are_told_only_when_asked_for(tmp_path):
    folder = write_series(tmp_path / "scan", body_slices())
    assert read_series(folder).identifiers == {}
    assert read_series(folder, include_identifiers=True).identifiers == {
        "folder_name": "scan",
        "patient_id": "MRN12345",
        "patient_name": "Doe^Jane",
        "study_date": "20260102",
        "accession_number": "ACC678",
    }


def test_progress_is_told_and_cancelling_stops(tmp_path):
    folder = write_series(tmp_path, body_slices())
    seen = []
    read_series(folder, on_progress=seen.append)
    assert [(p.stage, p.done, p.total) for p in (seen[0], seen[-1])] == [
        ("reading DICOM headers", 0, 20),
        ("reading DICOM slices", 20, 20),
    ]

    def cancel(progress):
        if progress.stage == "reading DICOM slices":
            raise Cancelled

    with pytest.raises(Cancelled):
        read_series(folder, on_progress=cancel)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_truncated_slice_is_refused_by_name(tmp_path, share):
    # GDCM leaves it out of the series without a word
    folder = write_series(tmp_path, body_slices())
    content = (folder / "ct_007.dcm").read_bytes()
    (folder / "ct_007.dcm").write_bytes(content[: int(len(content) * share)])
    assert "ct_007.dcm" in refusal(folder)


def test_a_slice_cut_at_any_byte_of_its_header_is_refused_by_name(tmp_path):
    folder = write_series(tmp_path, body_slices()[:8])
    content = (folder / "ct_003.dcm").read_bytes()
    for length in range(0, len(content), 13):
        (folder / "ct_003.dcm").write_bytes(content[:length])
        assert "ct_003.dcm" in refusal(folder)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.995])
def test_a_truncated_compressed_slice_is_refused_by_name(tmp_path, share):
    datasets = body_slices()
    for dataset in datasets:
        dataset.compress(RLELossless)
    folder = write_series(tmp_path, datasets)
    content = (folder / "ct_007.dcm").read_bytes()
    (folder / "ct_007.dcm").write_bytes(content[: int(len(content) * share)])
    assert refusal(folder).endswith("a DICOM file is incomplete: copy the series again (ct_007.dcm)")


def test_compressed_pixels_that_cannot_be_decoded_are_refused_by_name(tmp_path):
    folder = write_series(tmp_path, body_slices())
    broken = body_slices()[5]
    broken.compress(RLELossless)
    broken.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"  # RLE bytes that claim to be JPEG 2000
    broken.save_as(folder / "ct_005.dcm", enforce_file_format=True)
    sentence = refusal(folder)
    assert "the pixels of a slice cannot be decoded" in sentence
    assert "(ct_005.dcm)" in sentence


def test_few_slices_are_indeterminate(tmp_path):
    with pytest.raises(InputIndeterminate, match="7 slices"):
        read_series(write_series(tmp_path, body_slices()[:7]))
    with pytest.raises(InputIndeterminate, match="1 slices"):
        read_series(write_series(tmp_path / "one", body_slices()[:1]))


def test_one_file_of_a_series_asks_for_the_folder(tmp_path):
    folder = write_series(tmp_path, body_slices())
    with pytest.raises(InputRejected, match="the input file is one slice of a DICOM series: give the folder"):
        read_scan(folder / "ct_000.dcm")


def test_one_way_in_for_files_and_folders(tmp_path):
    folder = write_series(tmp_path / "series", body_slices())
    from_folder = read_scan(folder, series="3")
    image = sitk.GetImageFromArray(body_hu(SHAPE))
    image.SetSpacing((2.5, 3.0, 3.0))
    image.SetOrigin((-35.0, -36.0, 100.0))
    sitk.WriteImage(image, str(tmp_path / "ct.nii.gz"))
    from_file = read_scan(tmp_path / "ct.nii.gz")
    assert from_folder.voxels_sha256 == from_file.voxels_sha256
    assert from_folder.volume.geometry.is_close(from_file.volume.geometry)
    with pytest.raises(InputRejected, match="is no DICOM, so there is nothing to choose: leave out --series"):
        read_scan(tmp_path / "ct.nii.gz", series="3")
    with pytest.raises(InputRejected, match="does not exist"):
        read_scan(tmp_path / "absent")


def test_the_real_series_is_read_as_pydicom_reads_it():
    folder = REAL_CT / "dicom_portal_venous"
    if not folder.exists():
        pytest.skip("../shared/data/real_ct_totalsegmentator_Apache2 is absent")
    read = read_scan(folder)
    assert read.volume.geometry.shape == (20, 512, 512)
    assert read.volume.geometry.spacing_mm == (0.9765625, 0.9765625, 2.0)
    assert read.volume.geometry.origin_mm == (-249.51171875, -437.51171875, -804.5)
    assert read.warnings == ("the scan covers only 40 mm from head to foot; part of the pancreas may be missing",)
    assert read.identifiers == {}
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = sitk.GetArrayFromImage(reader.Execute())
    assert np.array_equal(read.volume.hu, np.maximum(image, -1024))
    assert pydicom.dcmread(folder / "ct_000.dcm", stop_before_pixels=True).ImagePositionPatient[2] == -804.5


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 1100), replacement=st.binary(min_size=1, max_size=8))
def test_no_damage_to_a_slice_header_ends_in_anything_but_a_refusal(tmp_path, position, replacement):
    folder = tmp_path / "fuzzed"
    if not folder.exists():
        write_series(folder, body_slices()[:8])
        (tmp_path / "whole.dcm").write_bytes((folder / "ct_003.dcm").read_bytes())
    content = bytearray((tmp_path / "whole.dcm").read_bytes())
    content[position : position + len(replacement)] = replacement
    (folder / "ct_003.dcm").write_bytes(content)
    with suppress(InputRejected, InputIndeterminate):
        read_series(folder)


@pytest.mark.parametrize(
    "header",
    [(0,), (1, 64), (3, 64, 70, 80), (2, 0, 70), (2, 64, 64), (2, 70, 64), (2, 64, 10_000), (2**32 - 1, 64, 70)],
    ids=str,
)
def test_a_frame_whose_header_lies_about_its_segments_never_reaches_the_decoder(header):
    """GDCM ends the process where there are 0 of them."""
    frame = struct.pack("<16I", *header, *[0] * (16 - len(header))) + bytes(100)
    with pytest.raises(ValueError, match="an RLE frame of"):
        _require_segments(frame, 2)
    with pytest.raises(ValueError, match="without its header"):
        _require_segments(frame[:63], 2)
    _require_segments(struct.pack("<16I", 2, 64, 70, *[0] * 13) + bytes(100), 2)
