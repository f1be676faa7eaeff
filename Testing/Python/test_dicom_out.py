"""`screen --dicom-out`: DICOM objects in the result folder, or a sentence that says why there are none."""

import shutil
import zipfile

import numpy as np
import pytest
from dicom_cases import read_object, write_ct
from dicom_runs import ENDED, FOUR, names, refusal, screen, summary

from PDACScreeningLib.dicom.object_files import KEY_IMAGES, KEY_OBJECTS, PROBABILITY, REPORT, SEGMENTATION
from PDACScreeningLib.errors import Cancelled, WriteError
from PDACScreeningLib.scan_files.image_io import read_ct_file
from PDACScreeningLib.scan_files.series_reader import read_series
from PDACScreeningLib.session import answer as answers
from PDACScreeningLib.session import dicom_results
from PDACScreeningLib.session.dicom_results import edited_results
from PDACScreeningLib.session.screener import ScanRequest, Screener
from PDACScreeningLib.session.stored_result import read_result
from PDACScreeningLib.volume.label_map import Label

pytestmark = pytest.mark.usefixtures("without_pictures")


@pytest.mark.parametrize(
    ("label", "code", "files"),
    [
        (Label.TUMOR, "111242", FOUR | {SEGMENTATION, REPORT}),
        (Label.PANCREAS, "111245", FOUR | {SEGMENTATION, REPORT}),  # it reaches the border, so it is no answer
        (Label.BACKGROUND, "111245", ENDED | {REPORT}),
    ],
)
def test_the_objects_follow_the_outcome(ct_series, label_models, tmp_path, label, code, files):
    screen(ct_series, tmp_path, label_models / label.name, "--dicom-out")
    assert names(tmp_path) == files
    assert summary(tmp_path) == code


def test_nothing_of_dicom_is_written_unless_asked_for(ct_series, label_models, tmp_path):
    screen(ct_series, tmp_path, label_models / "TUMOR")
    assert names(tmp_path) == FOUR


def test_a_rejected_series_has_its_report(ct_series, label_models, tmp_path):
    shutil.copytree(ct_series, tmp_path / "ct")
    for name in ("010.dcm", "011.dcm"):
        (tmp_path / "ct" / name).unlink()
    assert screen(tmp_path / "ct", tmp_path / "out", label_models / "TUMOR", "--dicom-out") == 4
    assert names(tmp_path / "out") == ENDED | {REPORT}
    assert summary(tmp_path / "out") == "111245"


@pytest.mark.parametrize(("error", "exit_code"), [(Cancelled, 130), (RuntimeError, 5)])
def test_a_run_that_was_cancelled_or_failed_has_its_report(
    ct_series, label_models, tmp_path, monkeypatch, error, exit_code
):
    def ends(*_arguments, **_keywords):
        raise error

    monkeypatch.setattr("PDACScreeningLib.session.screener.screen_with", ends)
    assert screen(ct_series, tmp_path, label_models / "TUMOR", "--dicom-out") == exit_code
    assert names(tmp_path) == ENDED | {REPORT}
    assert summary(tmp_path) == "111245"


def test_a_result_that_could_not_be_written_has_a_report_that_claims_nothing(
    ct_series, label_models, tmp_path, monkeypatch
):
    def full(*_arguments, **_keywords):
        raise WriteError("the disk is full")

    monkeypatch.setattr(answers, "write_segmentation", full)
    assert screen(ct_series, tmp_path, label_models / "TUMOR", "--dicom-out") == 5
    assert names(tmp_path) == ENDED | {REPORT}
    assert summary(tmp_path) == "111245"


def test_a_later_run_leaves_no_object_of_an_earlier_one(ct_series, label_models, tmp_path):
    screen(ct_series, tmp_path, label_models / "TUMOR", "--dicom-out", "--dicom-probability", "--dicom-key-objects")
    assert names(tmp_path) >= {PROBABILITY, KEY_OBJECTS}
    (tmp_path / KEY_IMAGES[0]).write_bytes(b"of an earlier run")
    screen(ct_series, tmp_path, label_models / "BACKGROUND", "--dicom-out")
    assert names(tmp_path) == ENDED | {REPORT}
    screen(ct_series, tmp_path, label_models / "TUMOR")
    assert names(tmp_path) == FOUR


def test_slices_that_share_an_identifier_are_refused_in_words_and_the_other_files_are_written(
    ct_file, label_models, tmp_path
):
    write_ct(tmp_path / "ct", read_ct_file(ct_file).volume, SOPInstanceUID="1.2.3.4")
    assert screen(tmp_path / "ct", tmp_path / "out", label_models / "TUMOR", "--dicom-out") == 0
    assert "share an identifier" in refusal(tmp_path / "out")
    assert names(tmp_path / "out") == FOUR


@pytest.mark.parametrize(
    ("keyword", "words"), [("StudyInstanceUID", "study"), ("FrameOfReferenceUID", "frame of reference")]
)
def test_a_series_without_study_or_frame_of_reference_is_refused_in_words(
    ct_file, label_models, tmp_path, keyword, words
):
    write_ct(tmp_path / "ct", read_ct_file(ct_file).volume, **{keyword: ""})
    assert screen(tmp_path / "ct", tmp_path / "out", label_models / "TUMOR", "--dicom-out") == 0
    assert f"name their {words}" in refusal(tmp_path / "out")


def zipped(ct_series, path, *, leave_out=()):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(ct_series.iterdir()):
            if file.name not in leave_out:
                archive.write(file, f"study/{file.name}")
    return path


def test_an_archive_of_a_series_gives_the_objects_of_the_series(ct_series, label_models, tmp_path):
    archive = zipped(ct_series, tmp_path / "series.zip")
    for scan, output in ((ct_series, "folder"), (archive, "archive")):
        assert screen(scan, tmp_path / output, label_models / "TUMOR", "--dicom-out") == 0
    assert names(tmp_path / "archive") == FOUR | {SEGMENTATION, REPORT}
    one, two = (read_object((tmp_path / output / SEGMENTATION).read_bytes()) for output in ("folder", "archive"))
    assert one.SOPInstanceUID == two.SOPInstanceUID
    assert np.array_equal(one.pixel_array, two.pixel_array)


def test_an_archive_of_a_rejected_series_has_its_report(ct_series, label_models, tmp_path):
    archive = zipped(ct_series, tmp_path / "series.zip", leave_out=("010.dcm", "011.dcm"))
    assert screen(archive, tmp_path / "out", label_models / "TUMOR", "--dicom-out") == 4
    assert names(tmp_path / "out") == ENDED | {REPORT}
    assert summary(tmp_path / "out") == "111245"


def test_without_highdicom_the_command_says_what_to_install(ct_series, label_models, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dicom_results, "_PACKAGE", "highdicom_that_is_not_there")
    assert screen(ct_series, tmp_path, label_models / "TUMOR", "--dicom-out") == 0
    assert "pip install 'pdac-screening[dicom]'" in refusal(tmp_path)
    assert "pip install 'pdac-screening[dicom]'" in capsys.readouterr().out
    assert names(tmp_path) == FOUR


def test_an_error_of_the_package_costs_the_objects_and_nothing_else(ct_series, label_models, tmp_path, monkeypatch):
    def broken(*_arguments, **_keywords):
        raise AttributeError("/data/doe_jane")

    monkeypatch.setattr("PDACScreeningLib.dicom.results.segmentation_object", broken)
    assert screen(ct_series, tmp_path, label_models / "TUMOR", "--dicom-out") == 0
    assert refusal(tmp_path).endswith("an unexpected error (AttributeError) stopped it.")
    assert names(tmp_path) == FOUR


def test_a_notebook_gets_the_same_objects(ct_series, label_models, tmp_path):
    answer = Screener(label_models / "TUMOR", device="cpu").screen(ct_series, dicom_out=True)
    answer.save(tmp_path)
    assert names(tmp_path) == FOUR | {SEGMENTATION, REPORT}


def test_edited_labels_of_a_stored_result_become_objects_of_their_own(ct_series, label_models, tmp_path):
    screen(ct_series, tmp_path, label_models / "TUMOR", "--dicom-out")
    stored, read = read_result(tmp_path), read_series(ct_series)
    labels = stored.label_map.labels.copy()
    labels[:4] = Label.PANCREAS
    edited = type(stored)(stored.screening, read.volume, type(stored.label_map)(labels, stored.label_map.geometry))
    files = dict(edited_results(stored, edited, read.slices, "Muster^Eva"))
    report = read_object(files[REPORT])
    predecessors = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    written = read_object((tmp_path / REPORT).read_bytes())
    assert predecessors[0].ReferencedSOPInstanceUID == written.SOPInstanceUID
    assert report.SOPInstanceUID != written.SOPInstanceUID


def predecessors(report):
    return [
        item.ReferencedSOPInstanceUID
        for study in report.get("PredecessorDocumentsSequence", ())
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    ]


def test_a_report_names_the_one_that_it_replaces_if_that_is_of_the_same_patient(
    ct_series, ct_file, label_models, tmp_path
):
    shutil.copytree(ct_series, tmp_path / "fewer")
    (tmp_path / "fewer" / "023.dcm").unlink()
    screener = Screener(label_models / "TUMOR", device="cpu")
    earlier, report = {}, tmp_path / "report.dcm"
    for name, folder in (("fewer", tmp_path / "fewer"), ("all", ct_series)):
        answer = screener.screen(folder)
        options = {"dicom_out": True, "dicom_predecessor": str(report) if earlier else None}
        made = dicom_results.with_dicom_results(answer, ScanRequest(str(folder), **options))
        earlier[name] = read_object(dict(made.dicom_files)[REPORT])
        report.write_bytes(dict(made.dicom_files)[REPORT])
    assert predecessors(earlier["fewer"]) == []
    assert predecessors(earlier["all"]) == [earlier["fewer"].SOPInstanceUID]
    other = write_ct(tmp_path / "other", read_ct_file(ct_file).volume, PatientID="OTHER")
    request = ScanRequest(str(other), dicom_out=True, dicom_predecessor=str(report))
    refused = dicom_results.with_dicom_results(screener.screen(other), request)
    assert refused.dicom_files == ()
    assert "of another patient or study" in refused.screening.warnings[-1]
    report.write_bytes(b"no report")
    request = ScanRequest(str(ct_series), dicom_out=True, dicom_predecessor=str(report))
    refused = dicom_results.with_dicom_results(screener.screen(ct_series), request)
    assert "cannot be read" in refused.screening.warnings[-1]
