"""Results go into a patient's record only if every slice says whose it is; nothing is filled in."""

import warnings

import pydicom
import pytest
from dicom_cases import headers_of, made_case
from pydicom.uid import generate_uid

from PDACScreeningLib.errors import DicomRefused
from PDACScreeningLib.scan_files.series_source import read_series_source, require_same_slices
from PDACScreeningLib.volume.geometry import Geometry


@pytest.fixture
def case(tmp_path):
    return made_case(tmp_path)


def changed(case, name, **fields):
    """The headers of a folder in which one slice says something else. None removes an element."""
    path = case.folder / name
    dataset = pydicom.dcmread(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some values are wrong on purpose
        for keyword, value in fields.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(path)
    return headers_of(case.folder)


def test_images_come_in_the_order_of_the_volume_whatever_the_files_are_called(tmp_path):
    source = made_case(tmp_path, reversed_names=True).source
    assert [image.InstanceNumber for image in source.images] == list(range(1, 13))


def test_text_is_utf_8_whatever_the_scanner_wrote(case):
    image = case.source.images[0]
    assert image.SpecificCharacterSet == "ISO_IR 192"
    assert str(image.PatientName) == "Dörfler^Jane"


def test_what_a_header_may_leave_out_is_empty_and_not_invented(case):
    source = read_series_source(changed(case, "000.dcm", AccessionNumber=None))
    assert source.images[0].AccessionNumber in (None, "")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"PatientID": "OTHER"}, "more than one patient ID"),
        ({"PatientName": "Roe^Richard"}, "more than one patient name"),
        ({"PatientBirthDate": "19990101"}, "more than one birth date"),
        ({"StudyInstanceUID": generate_uid()}, "more than one study"),
        ({"SeriesInstanceUID": generate_uid()}, "more than one series"),
        ({"FrameOfReferenceUID": generate_uid()}, "more than one frame of reference"),
        ({"PatientID": ""}, "do not all name their patient ID"),
        ({"PatientID": None}, "do not all name their patient ID"),
        ({"StudyInstanceUID": None}, "do not all name their study"),
        ({"FrameOfReferenceUID": None}, "do not all name their frame of reference"),
        ({"SOPInstanceUID": None}, "no valid identifier of its own"),
        ({"SOPInstanceUID": "1.2.03"}, "no valid identifier of its own"),
    ],
)
def test_one_slice_of_another_story_is_enough_to_refuse(case, fields, words):
    with pytest.raises(DicomRefused, match=words) as refused:
        read_series_source(changed(case, "004.dcm", **fields))
    assert "MRN12345" not in str(refused.value)
    assert "OTHER" not in str(refused.value)


def test_slices_that_share_an_identifier_are_refused(tmp_path):
    with pytest.raises(DicomRefused, match="share an identifier"):
        made_case(tmp_path, SOPInstanceUID=generate_uid())


def test_no_patient_at_all_is_no_patient(tmp_path):
    with pytest.raises(DicomRefused, match="do not all name their patient ID"):
        made_case(tmp_path, PatientID="")


def test_a_file_that_was_replaced_since_it_was_verified_is_refused(case):
    verified = headers_of(case.folder)
    changed(case, "004.dcm", SOPInstanceUID=generate_uid())
    with pytest.raises(DicomRefused, match="was replaced"):
        read_series_source(verified)


@pytest.mark.parametrize("content", [b"", b"no DICOM", None])
def test_a_file_that_can_no_longer_be_read_is_refused(case, content):
    verified = headers_of(case.folder)
    path = case.folder / "004.dcm"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(DicomRefused):
        read_series_source(verified)


def test_a_volume_that_was_made_regular_does_not_lie_on_the_slices(case):
    geometry = case.voxels.ct.geometry
    require_same_slices(case.source, geometry)
    shape, (x, y, z) = geometry.shape, geometry.spacing_mm
    moved = Geometry(shape, (x, y, z * 1.02), geometry.origin_mm, geometry.direction)
    fewer = Geometry((shape[0] - 1, *shape[1:]), geometry.spacing_mm, geometry.origin_mm, geometry.direction)
    for other in (moved, fewer):
        with pytest.raises(DicomRefused, match="resampled"):
            require_same_slices(case.source, other)
