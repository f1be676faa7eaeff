"""Which scans a cohort has: files as they are, one series of each DICOM study, and why the others were left out."""

import csv
import shutil

import pytest
from dicom_slices import body_slices, write_series
from screening_inputs import write_model, write_scan

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.cohort.folder import CohortFolder
from PDACScreeningLib.cohort.plan import read_plan
from PDACScreeningLib.cohort.scan_search import search_scans
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.volume.label_map import Label


def series(folder, number, *, study="1.2.3", patient="P1", **changes):
    uid = f"{study}.{number}"
    words = {"SeriesNumber": number, "StudyInstanceUID": study, "PatientID": patient, "PatientName": patient}
    return write_series(folder, body_slices(series=uid, **(words | changes)), prefix=f"s{number}")


def found(*places):
    return search_scans(list(places), ignore_progress)


def chosen(*places):
    return [(scan.place.name, scan.series.rpartition(".")[2], len(scan.files)) for scan in found(*places).scans]


def why(search):
    return {what: reason for _, what, reason in search.left_out}


def test_of_each_study_one_series_is_taken_wherever_its_files_lie(tmp_path):
    series(tmp_path / "a" / "one", 3)
    series(tmp_path / "a" / "two", 4, SeriesDescription="arterial")
    series(tmp_path / "b", 3, study="1.2.4", patient="P2")
    assert chosen(tmp_path) == [("one", "3", 0), ("b", "3", 0)]


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        ({"SeriesDescription": "arterial 2.0"}, "the phase"),
        ({"SeriesDescription": "native 2.0"}, "the phase"),
        ({"SeriesDescription": "2.0"}, "the phase"),
        ({"ConvolutionKernel": "B70f"}, "a kernel for soft tissue"),
        ({"ConvolutionKernel": "LUNG"}, "a kernel for soft tissue"),
        ({"SliceThickness": 10.0}, "the slice thickness"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MIP"]}, "axial slices as the scanner made them"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "axial slices as the scanner made them"),
        ({}, "the lower series number"),
    ],
)
def test_the_rules_of_the_choice_and_the_reason_that_is_told(tmp_path, worse, reason):
    """The better series has the higher number, but for the last rule: nothing else can decide for it."""
    good, bad = (9, 2) if worse else (2, 9)
    series(tmp_path / "good", good)
    series(tmp_path / "bad", bad, **worse)
    assert chosen(tmp_path) == [("good", str(good), 0)]
    assert why(found(tmp_path)) == {f"series {bad}, 20 slices": f"another series of its study was taken: {reason}"}


def test_more_slices_are_better_where_nothing_else_decides(tmp_path):
    series(tmp_path / "long", 9)
    short = body_slices(series="1.2.3.2", SeriesNumber=2, StudyInstanceUID="1.2.3", PatientID="P1", PatientName="P1")
    write_series(tmp_path / "short", short[:15], prefix="s2")
    assert chosen(tmp_path) == [("long", "9", 0)]


def test_scouts_short_series_and_mixed_patients_are_never_taken(tmp_path):
    series(tmp_path / "scout", 1, study="1.2.5", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_series(tmp_path / "short", body_slices(series="1.2.6.2", StudyInstanceUID="1.2.6", SeriesNumber=2)[:4])
    mixed = body_slices(series="1.2.7.7", StudyInstanceUID="1.2.7", SeriesNumber=7)
    mixed[5].PatientID = "ANOTHER"
    write_series(tmp_path / "mixed", mixed)
    search = found(tmp_path)
    assert search.scans == []
    reasons = " ".join(why(search).values())
    assert all(word in reasons for word in ("no CT slices", "only 4 slices", "different patients"))


def test_two_patients_with_one_study_uid_are_two_studies(tmp_path):
    series(tmp_path / "a", 3, patient="P1")
    series(tmp_path / "b", 4, patient="P2")
    assert [name for name, *_ in chosen(tmp_path)] == ["a", "b"]


def test_a_series_in_a_mixed_folder_is_its_files_alone(tmp_path):
    series(tmp_path, 3)
    series(tmp_path, 4, SeriesDescription="native")
    assert chosen(tmp_path) == [(tmp_path.name, "3", 20)]


def test_volume_files_are_taken_and_label_maps_in_folders_are_not(tmp_path):
    for name in ("ct.nii.gz", "ct_seg.nii.gz", "labels.seg.nrrd"):
        write_scan(tmp_path / name, shape=(8, 8, 8))
    assert [scan.place.name for scan in found(tmp_path).scans] == ["ct.nii.gz"]
    assert [scan.place.name for scan in found(tmp_path / "ct_seg.nii.gz").scans] == ["ct_seg.nii.gz"]
    assert [scan.place.name for scan in found(tmp_path, tmp_path / "ct.nii.gz").scans] == ["ct.nii.gz"]


def test_a_place_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        found(tmp_path / "absent")


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "model", Label.TUMOR)


def plan(folder, *words):
    return main(["cohort", "plan", str(folder), *map(str, words)])


def test_planned_again_new_scans_join_and_known_ones_keep_their_number(tmp_path, model, capsys):
    scans = tmp_path / "scans"
    series(scans / "b", 3)
    assert plan(tmp_path / "cohort", scans, "--model", model) == 0
    first = read_plan(tmp_path / "cohort").cases
    series(scans / "a", 3, study="1.2.9", patient="P9")
    assert plan(tmp_path / "cohort", scans, "--model", model) == 0
    second = read_plan(tmp_path / "cohort").cases
    assert second[0] == first[0]
    assert [case.number for case in second] == [1, 2]
    assert "2 scans, 1 of them new" in capsys.readouterr().out


def test_another_model_is_another_place_for_results_and_an_unchanged_plan_is_not(tmp_path, model):
    scan = write_scan(tmp_path / "ct.nii.gz", shape=(8, 8, 8))
    plan(tmp_path / "cohort", scan, "--model", model)
    key = read_plan(tmp_path / "cohort").settings.key
    plan(tmp_path / "cohort")
    assert read_plan(tmp_path / "cohort").settings.key == key
    shutil.rmtree(model)
    write_model(model, Label.PANCREAS)
    plan(tmp_path / "cohort")
    assert read_plan(tmp_path / "cohort").settings.key != key


def test_a_changed_scan_is_another_input(tmp_path, model):
    scan = write_scan(tmp_path / "ct.nii.gz", shape=(8, 8, 8))
    plan(tmp_path / "cohort", scan, "--model", model)
    cohort = CohortFolder(tmp_path / "cohort")
    before = next(cohort.standings()).name
    write_scan(tmp_path / "ct.nii.gz", shape=(8, 8, 9))
    assert next(cohort.standings()).name != before
    scan.unlink()
    assert next(cohort.standings()).name == ""


def test_what_was_left_out_is_listed_without_a_formula(tmp_path, model):
    series(tmp_path / "=cmd()", 1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_scan(tmp_path / "=cmd()" / "ct.nii.gz", shape=(8, 8, 8))
    plan(tmp_path / "cohort", tmp_path / "=cmd()", "--model", model)
    with (tmp_path / "cohort" / "left_out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["what"] for row in rows] == ["series 1, 20 slices"]
    assert not any(cell.startswith("=") for row in rows for cell in row.values())


def test_no_scan_and_no_plan_are_usage_errors(tmp_path, model, capsys):
    (tmp_path / "empty").mkdir()
    assert plan(tmp_path / "cohort", tmp_path / "empty", "--model", model) == 2
    assert main(["cohort", "work", str(tmp_path / "empty")]) == 2
    assert "cohort plan" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{}", "[]", "{", '{"settings": 1, "cases": []}'])
def test_a_damaged_plan_is_refused_in_words(tmp_path, capsys, content):
    (tmp_path / "cohort.json").write_text(content)
    assert main(["cohort", "status", str(tmp_path)]) == 2
    assert "plan the cohort again" in capsys.readouterr().err
