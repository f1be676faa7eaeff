"""What DICOM headers say beside geometry: whose slices they are, what their numbers are, and what to warn of."""

import logging

import numpy as np
import pytest
from dicom_slices import SHAPE, body_slices, write_series
from stored_scans import body_hu

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.scan_files.series_reader import read_series

OTHER = "1.2.3.4.5"
STRANGER = {
    "PatientID": ("MRN999", "patients"),
    "PatientName": ("Roe^Richard", "patients"),
    "PatientBirthDate": ("19500101", "patients"),
    "StudyInstanceUID": (OTHER, "studies"),
    "FrameOfReferenceUID": (OTHER, "frames of reference"),
}


def refusal(folder, **options):
    with pytest.raises(InputRejected) as caught:
        read_series(folder, **options)
    return caught.value


@pytest.mark.parametrize("keyword", STRANGER)
@pytest.mark.parametrize("odd", [[19], range(10, 20), range(0, 20, 2)])
def test_one_series_of_two_patients_studies_or_frames_of_reference_is_refused(tmp_path, keyword, odd):
    value, what = STRANGER[keyword]
    datasets = body_slices(FrameOfReferenceUID="1.2.3")
    for number in odd:
        setattr(datasets[number], keyword, value)
    error = refusal(write_series(tmp_path, datasets))
    assert f"the slices of the series are of different {what}" in error.sentence
    for told in ("MRN", "Roe", "Doe", "1950", OTHER):
        assert told not in str(error)


def test_a_name_written_otherwise_is_no_other_patient(tmp_path):
    datasets = body_slices()
    datasets[3].PatientName = "DOE^JANE^^"
    assert np.array_equal(read_series(write_series(tmp_path, datasets)).volume.hu, body_hu(SHAPE))


def test_a_stranger_in_another_series_does_not_matter(tmp_path):
    write_series(tmp_path, body_slices())
    write_series(tmp_path / "other", body_slices(series=OTHER, SeriesNumber=9, PatientID="MRN999"))
    assert np.array_equal(read_series(tmp_path, series="3").volume.hu, body_hu(SHAPE))


def damaged_other_series(tmp_path, share):
    write_series(tmp_path, body_slices())
    folder = write_series(tmp_path / "scout", body_slices(series=OTHER, SeriesNumber=9)[:5])
    content = (folder / "ct_003.dcm").read_bytes()
    (folder / "ct_003.dcm").write_bytes(content[: int(share * len(content))])
    return tmp_path


@pytest.mark.parametrize("series", [None, "3"])
def test_a_damaged_file_of_another_series_does_not_reject_this_one(tmp_path, series):
    read = read_series(damaged_other_series(tmp_path, 0.9), series=series)
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert "1 damaged files of other series were left out" in read.warnings


@pytest.mark.parametrize("share", [0.0, 0.1, 0.2, 0.3])
def test_a_damaged_file_that_may_belong_to_the_series_rejects_it(tmp_path, share):
    assert "ct_003.dcm" in str(refusal(damaged_other_series(tmp_path, share), series="3"))


def test_a_series_uid_for_every_slice_is_one_series_with_a_warning(tmp_path):
    datasets = body_slices()
    for number, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID = f"1.2.3.{number}"
    read = read_series(write_series(tmp_path, datasets))
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert any("every slice has a series UID of its own" in warning for warning in read.warnings)


@pytest.mark.parametrize("modality", ["", None])
def test_a_blank_modality_is_filled_by_the_class_of_the_object(tmp_path, modality):
    read = read_series(write_series(tmp_path, body_slices(Modality=modality)))
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))


@pytest.mark.parametrize("cut", [128, 132])
def test_files_without_a_preamble_are_read(tmp_path, cut):
    folder = write_series(tmp_path, body_slices())
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[132:] if cut == 132 else bytes(128) + path.read_bytes()[128:])
    assert np.array_equal(read_series(folder).volume.hu, body_hu(SHAPE))


@pytest.mark.parametrize("count", [1, 5, 9, 512, 517, 2048])
def test_zero_bytes_behind_the_data_set_do_no_harm(tmp_path, count):
    folder = write_series(tmp_path, body_slices())
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes() + bytes(count))
    assert np.array_equal(read_series(folder).volume.hu, body_hu(SHAPE))


@pytest.mark.parametrize("changes", [{"RescaleType": "Z_EFF"}, {"ImageType": ["DERIVED", "PRIMARY", "EFF_ATOMIC_NUM"]}])
def test_a_map_of_something_else_is_refused(tmp_path, changes):
    assert "something else than Hounsfield units" in str(refusal(write_series(tmp_path, body_slices(**changes))))


def test_numbers_that_cannot_be_read_are_refused(tmp_path):
    folder = write_series(tmp_path, body_slices())
    path = folder / "ct_004.dcm"
    content = path.read_bytes()
    place = content.index(b"-1024")
    path.write_bytes(content[:place] + b"-10x4" + content[place + 5 :])
    assert "a number in the header of a DICOM file cannot be read" in str(refusal(folder))


def test_values_without_slope_and_intercept_are_taken_as_they_are(tmp_path):
    datasets = body_slices(RescaleSlope=None, RescaleIntercept=None, PixelRepresentation=1, BitsStored=16, HighBit=15)
    for dataset, plane in zip(datasets, body_hu(SHAPE), strict=True):
        dataset.PixelData = plane.astype("<i2").tobytes()
    read = read_series(write_series(tmp_path, datasets))
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert any("does not tell how stored numbers become" in warning for warning in read.warnings)


def test_stored_numbers_that_are_no_hounsfield_units_are_still_refused_by_the_gate(tmp_path):
    error = refusal(write_series(tmp_path, body_slices(RescaleSlope=None, RescaleIntercept=None)))
    assert "the intercept of -1024 is missing" in str(error)


@pytest.mark.parametrize("value", [32767, 4095, -2000])
@pytest.mark.parametrize("in_a_range", [False, True])
def test_padding_becomes_air_whatever_its_value(tmp_path, value, in_a_range):
    datasets = body_slices(PixelRepresentation=1, BitsStored=16, HighBit=15, RescaleIntercept=0)
    for dataset, plane in zip(datasets, body_hu(SHAPE), strict=True):
        pixels = plane.copy()
        pixels[:2, :5] = value
        dataset.PixelData = pixels.astype("<i2").tobytes()
        dataset.add_new("PixelPaddingValue", "SS", value - 3 if in_a_range else value)
        if in_a_range:
            dataset.add_new("PixelPaddingRangeLimit", "SS", min(value + 3, 32767))
    read = read_series(write_series(tmp_path, datasets))
    assert (read.volume.hu[:, :2, :5] == -1024).all()
    assert read.volume.hu.max() < 100


WARNED = {
    "losses": ({"LossyImageCompression": "01"}, "compressed with losses"),
    "unit unspecified": ({"RescaleType": "US"}, "the unit of its values unspecified"),
    "thin slices far apart": ({"SliceThickness": 1.0}, "slices of 1 mm lie 3 mm apart"),
    **{
        words: ({"SeriesDescription": words}, "no contrast was given")
        for words in ("Abdomen WITHOUT CONTRAST", "w/o contrast 3mm", "nativ", "Non-Enhanced", "ohne KM", "NECT 2.0")
    },
}


@pytest.mark.parametrize("case", WARNED)
def test_what_makes_an_answer_less_certain_is_a_warning(tmp_path, case):
    changes, words = WARNED[case]
    read = read_series(write_series(tmp_path, body_slices(**changes)))
    assert [warning for warning in read.warnings if words in warning]


@pytest.mark.parametrize("words", ["portal venous 2.0", "Abdomen with contrast", "alternative", "explain"])
def test_usual_descriptions_are_no_warning(tmp_path, words):
    read = read_series(write_series(tmp_path, body_slices(SeriesDescription=words)))
    assert not [warning for warning in read.warnings if "contrast" in warning]


def test_slices_scaled_by_different_numbers_are_a_warning(tmp_path):
    datasets = body_slices()
    stored = np.frombuffer(datasets[4].PixelData, "<u2")
    datasets[4].RescaleIntercept = -1023
    datasets[4].PixelData = (stored - 1).astype("<u2").tobytes()
    read = read_series(write_series(tmp_path, datasets))
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert any("scaled by different numbers" in warning for warning in read.warnings)


def test_what_pydicom_and_gdcm_say_does_not_reach_the_terminal(tmp_path, capfd):
    datasets = body_slices(PatientBirthDate="19500101")
    for dataset in datasets:
        dataset.compress("1.2.840.10008.1.2.5")
    folder = write_series(tmp_path, datasets)
    content = (folder / "ct_004.dcm").read_bytes()
    (folder / "ct_004.dcm").write_bytes(content.replace(b"19500101", b"1950010x"))
    logging.getLogger("pydicom").warning("a line of theirs")
    with pytest.raises(InputRejected):
        read_series(folder)
    assert capfd.readouterr() == ("", "")


def test_compressed_slices_are_read_by_a_program_that_has_no_error_stream(tmp_path, monkeypatch):
    datasets = body_slices()
    for dataset in datasets:
        dataset.compress("1.2.840.10008.1.2.5")
    folder = write_series(tmp_path, datasets)

    def dup(descriptor):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("PDACScreeningLib.scan_files.pixel_data.os.dup", dup)
    assert np.array_equal(read_series(folder).volume.hu, body_hu(SHAPE))


def test_a_listing_tells_series_apart(tmp_path):
    write_series(tmp_path, body_slices(ConvolutionKernel="B30f", AcquisitionNumber=2))
    write_series(tmp_path / "prior", body_slices(series=OTHER, StudyDate="20240102", SliceThickness=1.5))
    listing = refusal(tmp_path).details
    assert "20 slices of 3 mm, 'portal venous 2.0', 2026-01-02, kernel B30f, acquisition 2" in listing
    assert f"{OTHER}: 20 slices of 1.5 mm, 'portal venous 2.0', 2024-01-02" in listing


def test_a_link_to_a_folder_is_followed(tmp_path):
    write_series(tmp_path / "elsewhere", body_slices())
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / "here").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert np.array_equal(read_scan(tmp_path / "scan").volume.hu, body_hu(SHAPE))
