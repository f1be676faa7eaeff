"""`screen --dicom-out`: DICOM objects in the result folder, or a sentence that says why there are none."""

import json
import shutil
import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_cases import code_of, items_of, labels_read_back, read_object, write_ct
from sample_screenings import SUSPICIOUS
from screening_inputs import write_model, write_scan

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.dicom.object_files import DICOM_FILES, KEY_IMAGES, KEY_OBJECTS, PROBABILITY, REPORT, SEGMENTATION
from PDACScreeningLib.errors import Cancelled, WriteError
from PDACScreeningLib.scan_files.image_io import read_ct_file, write_volume
from PDACScreeningLib.scan_files.series_reader import read_series
from PDACScreeningLib.scan_files.series_source import read_series_source
from PDACScreeningLib.screening_json import from_json
from PDACScreeningLib.session import answer as answers
from PDACScreeningLib.session import dicom_results
from PDACScreeningLib.session.dicom_results import edited_results
from PDACScreeningLib.session.result_folder import RESULT_FILES, SCREENING
from PDACScreeningLib.session.screener import ScanRequest, Screener
from PDACScreeningLib.session.stored_result import read_result
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

FOUR = set(RESULT_FILES)
ENDED = {"report.html", SCREENING}


@pytest.fixture(scope="module")
def nifti(tmp_path_factory):
    return write_scan(tmp_path_factory.mktemp("scan") / "scan.nii.gz")


@pytest.fixture(scope="module")
def series(nifti, tmp_path_factory):
    return write_ct(tmp_path_factory.mktemp("series") / "ct", read_ct_file(nifti).volume)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for label in Label:
        write_model(folder / label.name, label)
    return folder


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch):
    """The pictures take seconds a run; test_dicom_objects.py looks at them."""
    write_report = answers.write_report
    monkeypatch.setattr(answers, "write_report", lambda one, _ct, _labels, path: write_report(one, None, None, path))
    monkeypatch.setattr("PDACScreeningLib.dicom.results.key_image_sets", lambda *_arguments: ())


def screen(scan, output, model, *options):
    return main(["screen", str(scan), "--output", str(output), "--model", str(model), "--device", "cpu", *options])


def names(folder):
    return {path.name for path in folder.iterdir()}


def screening(folder):
    return from_json(json.loads((folder / SCREENING).read_text()))


def summary(folder):
    """What the report claims in the standard's words."""
    report = read_object((folder / REPORT).read_bytes())
    [code] = [item.ConceptCodeSequence[0].CodeValue for item in items_of(report) if code_of(item) == "111017"]
    return code


def refusal(folder):
    """Why there are no DICOM results; the other files are there."""
    assert not names(folder) & set(DICOM_FILES)
    [warning] = [text for text in screening(folder).warnings if text.startswith("No DICOM results were written: ")]
    return warning


@pytest.mark.parametrize(
    ("label", "code", "files"),
    [
        (Label.TUMOR, "111242", FOUR | {SEGMENTATION, REPORT}),
        (Label.PANCREAS, "111245", FOUR | {SEGMENTATION, REPORT}),  # it reaches the border, so it is no answer
        (Label.BACKGROUND, "111245", ENDED | {REPORT}),
    ],
)
def test_the_objects_follow_the_outcome(series, models, tmp_path, label, code, files):
    screen(series, tmp_path, models / label.name, "--dicom-out")
    assert names(tmp_path) == files
    assert summary(tmp_path) == code


def test_nothing_of_dicom_is_written_unless_asked_for(series, models, tmp_path):
    screen(series, tmp_path, models / "TUMOR")
    assert names(tmp_path) == FOUR


def test_a_rejected_series_has_its_report(series, models, tmp_path):
    shutil.copytree(series, tmp_path / "ct")
    for name in ("010.dcm", "011.dcm"):
        (tmp_path / "ct" / name).unlink()
    assert screen(tmp_path / "ct", tmp_path / "out", models / "TUMOR", "--dicom-out") == 4
    assert names(tmp_path / "out") == ENDED | {REPORT}
    assert summary(tmp_path / "out") == "111245"


@pytest.mark.parametrize(("error", "exit_code"), [(Cancelled, 130), (RuntimeError, 5)])
def test_a_run_that_was_cancelled_or_failed_has_its_report(series, models, tmp_path, monkeypatch, error, exit_code):
    def ends(*_arguments, **_keywords):
        raise error

    monkeypatch.setattr("PDACScreeningLib.session.screener.screen_with", ends)
    assert screen(series, tmp_path, models / "TUMOR", "--dicom-out") == exit_code
    assert names(tmp_path) == ENDED | {REPORT}
    assert summary(tmp_path) == "111245"


def test_a_result_that_could_not_be_written_has_a_report_that_claims_nothing(series, models, tmp_path, monkeypatch):
    def full(*_arguments, **_keywords):
        raise WriteError("the disk is full")

    monkeypatch.setattr(answers, "write_segmentation", full)
    assert screen(series, tmp_path, models / "TUMOR", "--dicom-out") == 5
    assert names(tmp_path) == ENDED | {REPORT}
    assert summary(tmp_path) == "111245"


def test_a_later_run_leaves_no_object_of_an_earlier_one(series, models, tmp_path):
    screen(series, tmp_path, models / "TUMOR", "--dicom-out", "--dicom-probability", "--dicom-key-objects")
    assert names(tmp_path) >= {PROBABILITY, KEY_OBJECTS}
    (tmp_path / KEY_IMAGES[0]).write_bytes(b"of an earlier run")
    screen(series, tmp_path, models / "BACKGROUND", "--dicom-out")
    assert names(tmp_path) == ENDED | {REPORT}
    screen(series, tmp_path, models / "TUMOR")
    assert names(tmp_path) == FOUR


def test_slices_that_share_an_identifier_are_refused_in_words_and_the_other_files_are_written(nifti, models, tmp_path):
    write_ct(tmp_path / "ct", read_ct_file(nifti).volume, SOPInstanceUID="1.2.3.4")
    assert screen(tmp_path / "ct", tmp_path / "out", models / "TUMOR", "--dicom-out") == 0
    assert "share an identifier" in refusal(tmp_path / "out")
    assert names(tmp_path / "out") == FOUR


@pytest.mark.parametrize(
    ("keyword", "words"), [("StudyInstanceUID", "study"), ("FrameOfReferenceUID", "frame of reference")]
)
def test_a_series_without_study_or_frame_of_reference_is_refused_in_words(nifti, models, tmp_path, keyword, words):
    write_ct(tmp_path / "ct", read_ct_file(nifti).volume, **{keyword: ""})
    assert screen(tmp_path / "ct", tmp_path / "out", models / "TUMOR", "--dicom-out") == 0
    assert f"name their {words}" in refusal(tmp_path / "out")


def zipped(series, path, *, leave_out=()):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(series.iterdir()):
            if file.name not in leave_out:
                archive.write(file, f"study/{file.name}")
    return path


def test_an_archive_of_a_series_gives_the_objects_of_the_series(series, models, tmp_path):
    archive = zipped(series, tmp_path / "series.zip")
    for scan, output in ((series, "folder"), (archive, "archive")):
        assert screen(scan, tmp_path / output, models / "TUMOR", "--dicom-out") == 0
    assert names(tmp_path / "archive") == FOUR | {SEGMENTATION, REPORT}
    one, two = (read_object((tmp_path / output / SEGMENTATION).read_bytes()) for output in ("folder", "archive"))
    assert one.SOPInstanceUID == two.SOPInstanceUID
    assert np.array_equal(one.pixel_array, two.pixel_array)


def test_an_archive_of_a_rejected_series_has_its_report(series, models, tmp_path):
    archive = zipped(series, tmp_path / "series.zip", leave_out=("010.dcm", "011.dcm"))
    assert screen(archive, tmp_path / "out", models / "TUMOR", "--dicom-out") == 4
    assert names(tmp_path / "out") == ENDED | {REPORT}
    assert summary(tmp_path / "out") == "111245"


def test_a_file_without_its_series_has_no_dicom_results(nifti, models, tmp_path):
    screen(nifti, tmp_path, models / "TUMOR", "--dicom-out")
    assert "--dicom-source" in refusal(tmp_path)


def test_without_highdicom_the_command_says_what_to_install(series, models, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dicom_results, "_PACKAGE", "highdicom_that_is_not_there")
    assert screen(series, tmp_path, models / "TUMOR", "--dicom-out") == 0
    assert "pip install 'pdac-screening[dicom]'" in refusal(tmp_path)
    assert "pip install 'pdac-screening[dicom]'" in capsys.readouterr().out
    assert names(tmp_path) == FOUR


def test_an_error_of_the_package_costs_the_objects_and_nothing_else(series, models, tmp_path, monkeypatch):
    def broken(*_arguments, **_keywords):
        raise AttributeError("/data/doe_jane")

    monkeypatch.setattr("PDACScreeningLib.dicom.results.segmentation_object", broken)
    assert screen(series, tmp_path, models / "TUMOR", "--dicom-out") == 0
    assert refusal(tmp_path).endswith("an unexpected error (AttributeError) stopped it.")
    assert names(tmp_path) == FOUR


def test_a_folder_of_the_source_that_is_not_there_is_told_before_anything_starts(nifti, models, tmp_path):
    missing = ("--dicom-source", str(tmp_path / "missing"))
    assert screen(nifti, tmp_path / "out", models / "TUMOR", *missing) == 2
    assert not (tmp_path / "out").exists()


def stored_backwards(nifti, path):
    """The same scan in a file with rows and slices the other way round, as converters write it."""
    volume = read_ct_file(nifti).volume
    image = sitk.GetImageFromArray(volume.hu)
    image.SetSpacing(volume.geometry.spacing_mm)
    image.SetOrigin(volume.geometry.origin_mm)
    image.SetDirection(volume.geometry.direction)
    sitk.WriteImage(sitk.Flip(image, (False, True, True)), str(path))
    return path


def test_a_file_gets_the_results_of_the_series_it_was_made_from(nifti, series, models, tmp_path):
    other = stored_backwards(nifti, tmp_path / "other.nii.gz")
    for scan, output in ((series, "direct"), (other, "through")):
        options = ("--dicom-out",) if scan is series else ("--dicom-source", str(series))
        assert screen(scan, tmp_path / output, models / "TUMOR", *options) == 0
    one, two = (read_object((tmp_path / output / SEGMENTATION).read_bytes()) for output in ("direct", "through"))
    assert np.array_equal(one.pixel_array, two.pixel_array)
    references = [
        [frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID for frame in frames]
        for frames in (one.PerFrameFunctionalGroupsSequence, two.PerFrameFunctionalGroupsSequence)
    ]
    assert references[0] == references[1]


def test_labels_of_a_file_that_is_stored_backwards_lie_on_their_own_slices(series):
    volume = read_series(series).volume
    labels = np.zeros(volume.geometry.shape, np.uint8)
    labels[2:5, 10:20, 4:9], labels[3, 12:14, 5] = Label.PANCREAS, Label.TUMOR
    z, y, _ = labels.shape
    origin = tuple(volume.geometry.index_to_world((z - 1.0, y - 1.0, 0.0)).tolist())
    direction = tuple((volume.geometry.axes * (1.0, -1.0, -1.0)).ravel().tolist())
    backwards = Geometry(labels.shape, volume.geometry.spacing_mm, origin, direction)
    ct = CTVolume(np.ascontiguousarray(volume.hu[::-1, ::-1]), backwards)
    label_map = LabelMap(np.ascontiguousarray(labels[::-1, ::-1]), backwards)
    answer = answers.Answer(SUSPICIOUS, ct, label_map)
    made = dicom_results.with_dicom_results(answer, ScanRequest("scan.nii.gz", dicom_source=str(series)))
    source = read_series_source(read_series(series).slices)
    assert np.array_equal(labels_read_back(dict(made.dicom_files)[SEGMENTATION], source), labels)


def changed_scan(nifti, path, *, hu=0, shift_mm=0.0, slices=None):
    volume = read_ct_file(nifti).volume
    voxels = volume.hu[:slices].copy()
    voxels[3, 20, 20] += hu
    origin = tuple(mm + shift_mm for mm in volume.geometry.origin_mm)
    geometry = type(volume.geometry)(voxels.shape, volume.geometry.spacing_mm, origin, volume.geometry.direction)
    return write_volume(CTVolume(voxels, geometry).hu, geometry, path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hu": 1}, "Hounsfield units differ"),
        ({"shift_mm": 0.3}, "lies elsewhere"),
        ({"slices": 23}, "number of voxels"),
    ],
)
def test_a_series_of_another_scan_is_not_taken(nifti, series, models, tmp_path, changes, words):
    other = changed_scan(nifti, tmp_path / "other.nii.gz", **changes)
    screen(other, tmp_path / "out", models / "TUMOR", "--dicom-source", str(series))
    assert words in refusal(tmp_path / "out")


def test_a_notebook_gets_the_same_objects(series, models, tmp_path):
    answer = Screener(models / "TUMOR", device="cpu").screen(series, dicom_out=True)
    answer.save(tmp_path)
    assert names(tmp_path) == FOUR | {SEGMENTATION, REPORT}


def test_edited_labels_of_a_stored_result_become_objects_of_their_own(series, models, tmp_path):
    screen(series, tmp_path, models / "TUMOR", "--dicom-out")
    stored, read = read_result(tmp_path), read_series(series)
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


def test_a_report_names_the_one_that_it_replaces_if_that_is_of_the_same_patient(series, nifti, models, tmp_path):
    shutil.copytree(series, tmp_path / "fewer")
    (tmp_path / "fewer" / "023.dcm").unlink()
    screener = Screener(models / "TUMOR", device="cpu")
    earlier, report = {}, tmp_path / "report.dcm"
    for name, folder in (("fewer", tmp_path / "fewer"), ("all", series)):
        answer = screener.screen(folder)
        options = {"dicom_out": True, "dicom_predecessor": str(report) if earlier else None}
        made = dicom_results.with_dicom_results(answer, ScanRequest(str(folder), **options))
        earlier[name] = read_object(dict(made.dicom_files)[REPORT])
        report.write_bytes(dict(made.dicom_files)[REPORT])
    assert predecessors(earlier["fewer"]) == []
    assert predecessors(earlier["all"]) == [earlier["fewer"].SOPInstanceUID]
    other = write_ct(tmp_path / "other", read_ct_file(nifti).volume, PatientID="OTHER")
    request = ScanRequest(str(other), dicom_out=True, dicom_predecessor=str(report))
    refused = dicom_results.with_dicom_results(screener.screen(other), request)
    assert refused.dicom_files == ()
    assert "of another patient or study" in refused.screening.warnings[-1]
    report.write_bytes(b"no report")
    request = ScanRequest(str(series), dicom_out=True, dicom_predecessor=str(report))
    refused = dicom_results.with_dicom_results(screener.screen(series), request)
    assert "cannot be read" in refused.screening.warnings[-1]
