"""Which files of a folder are the scan; a choice is asked for, never made in silence."""

import os

import numpy as np
import pytest
from dicom_slices import SHAPE, body_slices, slice_dataset, write_series
from stored_scans import body_hu

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.series_reader import read_series

OTHER = "1.2.3.4.5"


def refusal(folder, **options):
    with pytest.raises(InputRejected) as caught:
        read_series(folder, **options)
    return str(caught.value)


def two_series(tmp_path):
    write_series(tmp_path, body_slices(), prefix="venous")
    late = body_slices(hu=body_hu(SHAPE)[:14], series=OTHER, SeriesNumber=4, SeriesDescription="Doe late")
    return write_series(tmp_path / "below", late, prefix="late")


def test_several_series_are_refused_with_a_list_to_choose_from(tmp_path):  # the second description names the patient
    two_series(tmp_path)
    assert refusal(tmp_path) == (
        "the folder holds 2 CT series: choose one with --series NUMBER, UID or words of its text "
        "(3: 20 slices of 3 mm, 'portal venous 2.0', 2026-01-02; 4: 14 slices of 3 mm, 2026-01-02)"
    )


@pytest.mark.parametrize(("wanted", "slices"), [("3", 20), ("4", 14), (OTHER, 14)])
def test_a_series_is_chosen_by_number_or_uid(tmp_path, wanted, slices):
    two_series(tmp_path)
    assert len(read_series(tmp_path, series=wanted).volume.hu) == slices


def test_a_series_that_is_not_there_is_refused_with_the_list(tmp_path):
    two_series(tmp_path)
    assert refusal(tmp_path, series="9").endswith(
        "choose another with --series (asked for 9; there is 3: 20 slices of 3 mm, 'portal venous 2.0', 2026-01-02; "
        "4: 14 slices of 3 mm, 2026-01-02)"
    )


@pytest.mark.parametrize("wanted", ["portal venous", "Portal", "2.0 VENOUS"])
def test_a_series_is_chosen_by_words_of_its_description(tmp_path, wanted):
    two_series(tmp_path)
    write_series(tmp_path, body_slices(series="1.2.9", SeriesNumber=5, SeriesDescription="arterial 2.0"), prefix="art")
    assert len(read_series(tmp_path, series=wanted).volume.hu) == 20
    assert refusal(tmp_path, series="2.0").startswith(
        "2 CT series have the words asked for in their description: choose one with --series NUMBER or UID (5: 20"
    )
    for absent in ("venous delayed", "", " ", "Doe"):  # the name of a patient chooses nothing
        assert "does not hold the CT series asked for" in refusal(tmp_path, series=absent)


def test_a_number_is_not_taken_for_a_word(tmp_path):
    write_series(tmp_path, body_slices(SeriesDescription="phase 4"), prefix="a")
    late = body_slices(hu=body_hu(SHAPE)[:14], series=OTHER, SeriesNumber=4, SeriesDescription="late")
    write_series(tmp_path, late, prefix="b")
    assert len(read_series(tmp_path, series="4").volume.hu) == 14


def test_two_series_of_one_number_are_told_apart_by_uid(tmp_path):
    write_series(tmp_path, body_slices(), prefix="a")
    write_series(tmp_path, body_slices(series=OTHER), prefix="b")
    assert "2 CT series have the number asked for" in refusal(tmp_path, series="3")
    assert f"{OTHER}: 20 slices" in refusal(tmp_path)


def test_a_short_second_series_does_not_ask_for_a_choice_but_is_spoken_of(tmp_path):
    write_series(tmp_path, body_slices(), prefix="a")
    write_series(tmp_path, body_slices(series=OTHER)[:3], prefix="b")
    read = read_series(tmp_path)
    assert len(read.volume.hu) == 20
    assert "1 other CT series in the folder have too few slices and were left out" in read.warnings


def test_scout_views_are_left_out(tmp_path):
    scout = slice_dataset(
        body_hu(SHAPE)[:, 0],
        position_mm=(0, 0, 0),
        number=0,
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
    )
    write_series(tmp_path, [*body_slices(), scout])
    assert np.array_equal(read_series(tmp_path).volume.hu, body_hu(SHAPE))


def test_a_folder_of_scout_views_holds_no_ct_slices(tmp_path):
    write_series(tmp_path, body_slices(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    assert "only scout views" in refusal(tmp_path)


@pytest.mark.parametrize("modality", ["MR", "PT"])
def test_another_modality_is_refused_by_name(tmp_path, modality):
    write_series(tmp_path, body_slices(Modality=modality))
    assert f"holds no CT slices (found: {modality})" in refusal(tmp_path)


def test_another_modality_beside_the_ct_is_left_out(tmp_path):
    write_series(tmp_path, body_slices(), prefix="ct")
    write_series(tmp_path, body_slices(Modality="PT", series=OTHER), prefix="pt")
    assert len(read_series(tmp_path).volume.hu) == 20


def test_a_dicomdir_and_a_report_are_no_slices(tmp_path):
    write_series(tmp_path, body_slices())
    write_series(
        tmp_path, body_slices(SOPClassUID="1.2.840.10008.1.3.10", Modality=None, PixelData=None)[:1], prefix="DIR"
    )
    write_series(
        tmp_path,
        body_slices(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.67", Modality="SR", PixelData=None)[:1],
        prefix="SR",
    )
    assert np.array_equal(read_series(tmp_path).volume.hu, body_hu(SHAPE))


def test_a_secondary_capture_is_no_ct_slice(tmp_path):
    write_series(tmp_path, body_slices(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"))
    assert "holds no CT slices" in refusal(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    assert "holds no DICOM files" in refusal(tmp_path)


def test_a_folder_with_nothing_but_an_archive_is_refused_with_a_hint(tmp_path):
    (tmp_path / "study.zip").write_bytes(b"PK\x03\x04")
    assert refusal(tmp_path).startswith("the folder holds no DICOM files, but a ZIP archive: give the archive itself")


def test_usual_companions_are_left_out_without_a_word_and_strangers_with_one(tmp_path):
    write_series(tmp_path, body_slices())
    for name in ("README.txt", "viewer.exe", "study.zip", ".DS_Store", "._ct_000.dcm"):
        (tmp_path / name).write_bytes(b"something")
    assert len(read_series(tmp_path).warnings) == 1
    (tmp_path / "IM0021").write_bytes(b"something")
    assert "1 files in the folder are no DICOM files and were left out" in read_series(tmp_path).warnings


@pytest.mark.parametrize("content", [b"", b"something", b"\0" * 500])
def test_a_dcm_file_that_is_no_dicom_is_refused(tmp_path, content):
    write_series(tmp_path, body_slices())
    (tmp_path / "ct_020.dcm").write_bytes(content)
    assert refusal(tmp_path) == ("a file is no DICOM file in spite of its name: copy the series again (ct_020.dcm)")


def test_a_link_to_a_slice_is_not_a_second_slice(tmp_path):
    write_series(tmp_path, body_slices())
    (tmp_path / "again.dcm").symlink_to(tmp_path / "ct_003.dcm")
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    assert len(read_series(tmp_path).volume.hu) == 20


def test_somebody_s_whole_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("PDACScreeningLib.scan_files.series_selection.MAX_FILES", 19)
    write_series(tmp_path / "disk", body_slices())
    assert "the folder holds more than 19 files" in refusal(tmp_path / "disk")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused_by_name(tmp_path):
    write_series(tmp_path, body_slices())
    (tmp_path / "ct_003.dcm").chmod(0)
    assert "(ct_003.dcm)" in refusal(tmp_path)
