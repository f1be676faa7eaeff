"""DICOM segmentations, written here by highdicom, become labels of the scan voxel by voxel, or are refused."""

import contextlib

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_cases import asymmetric_labels, directions, headers_of, made_case, read_object
from dicom_slices import write_series
from foreign_segmentation import masks, other_segmentation, saved
from node_parts import images

import PDACScreeningLib as pdac
from PDACScreeningLib.__main__ import main
from PDACScreeningLib.dicom import results
from PDACScreeningLib.dicom.options import DicomOptions
from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.dicom_segmentation import is_dicom_segmentation, read_dicom_segmentation
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.session.structure_key import labels_of, structure_key
from PDACScreeningLib.volume.label_map import Label

KEY = structure_key(["tumor=2,3,4", "pancreas=1"])


@pytest.fixture(scope="module", autouse=True)
def without_pictures():
    """Nobody reads them here, and they take seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "key_image_sets", lambda *_arguments: ())
        yield


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A series of 12 slices, and its pancreas and three masses as a segmentation beside it."""
    made = made_case(tmp_path_factory.mktemp("case") / "ct")
    write(made.folder.parent / "seg.dcm", made.files()["segmentation.dcm"])
    return made


@pytest.fixture
def segmentation(case):
    return pydicom.dcmread(case.folder.parent / "seg.dcm")


def write(path, content):
    path.write_bytes(content)
    return path


def read(case, path, **options):
    return read_dicom_segmentation(path, "it", case.voxels.ct.geometry, **options)


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_every_voxel_is_where_it_was_in_any_orientation(tmp_path, kind):
    for number, direction in enumerate([*directions()][::4]):
        made = made_case(tmp_path / str(number), direction=direction)
        path = write(tmp_path / f"{number}.dcm", made.files(DicomOptions(segmentation=kind))["segmentation.dcm"])
        stored = read(made, path, slices=tuple(headers_of(made.folder)))
        assert stored.geometry.is_close(made.voxels.ct.geometry, tolerance_voxels=1e-3)
        np.testing.assert_array_equal(labels_of(stored, KEY).labels, asymmetric_labels())


def test_frames_that_do_not_end_with_a_byte_are_read_too(tmp_path):
    """Bits of binary frames follow each other without a gap: frames of 19 x 15 pixels begin inside a byte."""
    labels = asymmetric_labels()[:, :19, :15]
    made = made_case(tmp_path / "odd", labels=labels)
    path = write(tmp_path / "odd.dcm", made.files()["segmentation.dcm"])
    np.testing.assert_array_equal(labels_of(read(made, path), KEY).labels, labels)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A folder of slices, and `other.dcm` beside it."""
    folder = write_series(tmp_path_factory.mktemp("series") / "ct", images())
    sources = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    other_segmentation(sources, folder.parent / "other.dcm")
    return folder


def scored(scan, segmentation, output, *labels):
    """Exit code of the command."""
    typed = ["score", str(scan), "--segmentation", str(segmentation), "--labels", *labels, "--output", str(output)]
    return main([*typed, "--k", "5"])


def test_the_command_scores_it_by_the_names_of_its_segments_also_where_they_overlap(series, tmp_path):
    assert is_dicom_segmentation(series.parent / "other.dcm")
    assert scored(series, series.parent / "other.dcm", tmp_path / "out", "tumor=Mass", "pancreas=Head") in (0, 3)
    labels = pdac.read_result(tmp_path / "out").label_map.labels
    np.testing.assert_array_equal(labels == Label.TUMOR, masks(2)[..., 1] == 1)
    np.testing.assert_array_equal(labels == Label.PANCREAS, (masks(2)[..., 0] == 1) & (masks(2)[..., 1] == 0))


def test_a_scan_that_a_file_stores_the_other_way_round_gets_the_same_labels(series, tmp_path):
    ct = read_scan(series).volume
    image = sitk.GetImageFromArray(ct.hu)
    image.SetSpacing(ct.geometry.spacing_mm)
    image.SetOrigin(ct.geometry.origin_mm)
    sitk.WriteImage(sitk.DICOMOrient(image, "RSA"), str(tmp_path / "scan.nii.gz"))
    file = series.parent / "other.dcm"
    assert scored(tmp_path / "scan.nii.gz", file, tmp_path / "out", "tumor=Mass", "pancreas=Head") in (0, 3)
    found = pdac.read_result(tmp_path / "out").label_map
    back = sitk.GetImageFromArray(found.labels)
    back.SetDirection(found.geometry.direction)
    straight = sitk.GetArrayFromImage(sitk.DICOMOrient(back, "LPS"))
    np.testing.assert_array_equal(straight == Label.TUMOR, masks(2)[..., 1] == 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"PatientID": "OTHER"}, "names another patient"),
        ({"FrameOfReferenceUID": "1.2.3"}, "another frame of reference"),
        ({"SegmentationType": "FRACTIONAL"}, "export a binary one"),
    ],
)
def test_what_is_of_another_patient_or_kind_is_refused(case, segmentation, tmp_path, change, said):
    for keyword, value in change.items():
        setattr(segmentation, keyword, value)
    path = saved(segmentation, tmp_path / "changed.dcm")
    with pytest.raises(InputRejected, match=said):
        read(case, path, slices=tuple(headers_of(case.folder)))


@pytest.mark.parametrize("shift_mm", [(0, 0, 1.2), (3, 0, 0), (0, 0, 500)])
def test_a_frame_that_is_no_slice_of_the_scan_is_refused(case, segmentation, tmp_path, shift_mm):
    place = segmentation.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0]
    place.ImagePositionPatient = [a + b for a, b in zip(place.ImagePositionPatient, shift_mm, strict=True)]
    with pytest.raises(InputRejected, match="no slice of the scan"):
        read(case, saved(segmentation, tmp_path / "moved.dcm"))


def test_another_patient_and_another_grid_are_refused_by_the_command_in_words(series, tmp_path):
    changed = pydicom.dcmread(series.parent / "other.dcm")
    changed.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [1.5, 1.5]
    wide = saved(changed, tmp_path / "wide.dcm")
    assert scored(series, wide, tmp_path / "out", "tumor=Mass") == 4
    assert "lies elsewhere than the scan" in pdac.read_result(tmp_path / "out").screening.reason
    changed.PatientID = "OTHER"
    assert scored(series, saved(changed, wide), tmp_path / "out", "tumor=Mass") == 4
    assert "names another patient" in pdac.read_result(tmp_path / "out").screening.reason


def test_damage_is_refused_by_our_own_error(case, tmp_path):
    content = (case.folder.parent / "seg.dcm").read_bytes()
    rng = np.random.default_rng(0)
    for length in range(200, len(content), 97):
        _refused_or_read(case, write(tmp_path / "cut.dcm", content[:length]))
    for _ in range(200):
        spoiled = bytearray(content)
        for place in rng.integers(132, len(content), 3):
            spoiled[place] = rng.integers(256)
        _refused_or_read(case, write(tmp_path / "spoiled.dcm", bytes(spoiled)))
    assert read_object(content).SegmentationType == "BINARY"
    assert not is_dicom_segmentation(write(tmp_path / "none.dcm", b"no DICOM"))


def _refused_or_read(case, path):
    """A change may leave a segmentation that can be read; whatever else is raised fails the test."""
    with contextlib.suppress(InputRejected):
        read(case, path)
