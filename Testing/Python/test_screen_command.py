"""The real command in this process, on a scan and models with known answers."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import SimpleITK as sitk
from dicom_slices import body_slices, write_series
from screening_inputs import NOTICE, write_model, write_scan

from PDACScreeningLib import resources
from PDACScreeningLib.__main__ import main
from PDACScreeningLib.errors import InputIndeterminate, WriteError
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.screening_json import from_json
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session import answer as screening_files
from PDACScreeningLib.session.result_folder import LABELS, REPORT, RESULT_FILES, SCREENING
from PDACScreeningLib.session.result_place import held_place
from PDACScreeningLib.volume.label_map import Label

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return write_scan(tmp_path_factory.mktemp("scans") / "DOE_JANE.nii.gz")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of models by what they call every voxel, as `Resources/Models` would be."""
    folder = tmp_path_factory.mktemp("models")
    for label in Label:
        write_model(folder / label.name, label)
    return folder


@pytest.fixture(autouse=True)
def report_without_pictures(monkeypatch):
    """The key images take two seconds a run; the child processes below make them."""
    write_report = screening_files.write_report
    monkeypatch.setattr(
        screening_files,
        "write_report",
        lambda screening, _ct, _label_map, path: write_report(screening, None, None, path),
    )


def screen(scan, output, model, *options):
    return main(["screen", str(scan), "--output", str(output), "--model", str(model), "--device", "cpu", *options])


def screening(output) -> Screening:
    return from_json(json.loads((output / SCREENING).read_text()))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("label", "outcome", "exit_code"),
    [
        (Label.TUMOR, Outcome.SUSPICIOUS, 0),
        (Label.PANCREAS, Outcome.NOT_SUSPICIOUS, 0),
        (Label.BACKGROUND, Outcome.INDETERMINATE, 3),
    ],
)
def test_the_exit_code_and_the_files_follow_the_outcome(
    scan, models, tmp_path, capsys, monkeypatch, label, outcome, exit_code
):
    monkeypatch.setattr("PDACScreeningLib.inference.screening.reaches_border", lambda _labels, _hu: False)
    assert screen(scan, tmp_path, models / label.name) == exit_code
    assert screening(tmp_path).outcome == outcome
    expected = RESULT_FILES if exit_code == 0 else (REPORT, SCREENING)
    assert names(tmp_path) == sorted(expected)
    assert capsys.readouterr().out.strip()


def test_what_is_not_assessable_after_the_networks_ran_keeps_all_files(scan, models, tmp_path, capsys):
    assert screen(scan, tmp_path, models / "PANCREAS") == 3  # everything is pancreas, up to the border
    result = screening(tmp_path)
    assert (result.outcome, result.rule_call) == (Outcome.INDETERMINATE, Outcome.NOT_SUSPICIOUS)
    assert names(tmp_path) == sorted(RESULT_FILES)
    assert capsys.readouterr().out.startswith("Not assessable: The segmented pancreas or tumor reaches the border")


def test_the_result_says_what_made_it(scan, models, tmp_path):
    screen(scan, tmp_path, models / "TUMOR")
    result = screening(tmp_path)
    assert result.model.notice == NOTICE
    assert result.model.chosen_because == "its folder was given with --model"
    assert result.input.shape_zyx == (24, 40, 40)
    assert result.input.identifiers == {}
    assert result.provenance.device == "cpu"
    assert {"Python", "numpy", "torch", "SimpleITK"} <= set(result.provenance.versions)
    assert result.protocol.windows[0].stride == 20
    assert result.timings_s["read scan"] >= 0
    labels = sitk.ReadImage(str(tmp_path / LABELS))
    assert labels.GetSize() == (40, 40, 24)
    assert labels.GetSpacing() == (4.0, 4.0, 4.0)


def test_no_file_names_the_place_or_the_name_of_the_scan(scan, models, tmp_path):
    damaged = tmp_path / "DOE_JANE.nii.gz"
    damaged.write_bytes(scan.read_bytes()[:2000])
    for source, output in ((scan, tmp_path / "good"), (damaged, tmp_path / "bad")):
        screen(source, output, models / "TUMOR")
        for path in output.iterdir():
            assert b"DOE_JANE" not in path.read_bytes(), path
            assert str(tmp_path).encode() not in path.read_bytes(), path


def dicom_folder_with_a_cut_slice(tmp_path):
    folder = write_series(tmp_path / "DOE_JANE", body_slices(), prefix="DOE_JANE")
    slice_file = folder / "DOE_JANE_007.dcm"
    slice_file.write_bytes(slice_file.read_bytes()[:1000])
    return folder


def test_a_damaged_slice_is_named_on_the_terminal_and_in_no_file(models, tmp_path, capsys):
    folder = dicom_folder_with_a_cut_slice(tmp_path)
    assert screen(folder, tmp_path / "out", models / "TUMOR") == 4
    assert "DOE_JANE_007.dcm" in capsys.readouterr().err
    assert "copy the series again" in screening(tmp_path / "out").reason
    for path in (tmp_path / "out").iterdir():
        assert b"DOE_JANE" not in path.read_bytes(), path
    screen(folder, tmp_path / "out", models / "TUMOR", "--include-identifiers")
    assert "DOE_JANE_007.dcm" in screening(tmp_path / "out").reason


def test_a_name_that_is_a_common_word_leaves_the_sentence_whole(models, tmp_path):
    (tmp_path / "CT").write_bytes(b"")
    screen(tmp_path / "CT", tmp_path / "out", models / "TUMOR")
    assert screening(tmp_path / "out").reason == "the input file is empty: copy or download it again"


def test_identifiers_come_when_asked_for(scan, models, tmp_path):
    screen(scan, tmp_path, models / "TUMOR", "--include-identifiers")
    assert "DOE_JANE.nii.gz" in screening(tmp_path).input.identifiers.values()


def test_the_model_is_named_with_its_notice_before_anything_is_computed(scan, models, tmp_path, capsys):
    screen(scan, tmp_path, models / "TUMOR", "--progress", "json")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    messages = [event["message"] for event in events if event["event"] == "notice"]
    assert messages[0] == "Model: TUMOR, because its folder was given with --model."
    assert messages[1] == f"Note: {NOTICE}."
    assert [event["event"] for event in events].index("progress") > 1


def test_json_progress_is_one_object_a_line_and_ends_with_the_result(scan, models, tmp_path, capsys):
    screen(scan, tmp_path, models / "TUMOR", "--progress", "json")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    stages = dict.fromkeys(event["stage"] for event in events if event["event"] == "progress")
    assert [stage for stage in stages if "scan (" in stage] == [
        "coarse scan (64^3)",
        "fine scan (32^3)",
        "fine scan (16^3)",
    ]
    assert all(0 <= event["done"] <= event["total"] for event in events if event["event"] == "progress")
    assert events[-1]["event"] == "result"
    assert events[-1]["outcome"] == "SUSPICIOUS"
    assert events[-1]["output"] == str(tmp_path)
    assert events[-1]["exit_code"] == 0


def test_a_rejected_scan_leaves_its_reason_in_json_and_report(models, tmp_path, capsys):
    (tmp_path / "scan.nii.gz").write_text("<html>please log in</html>")
    assert screen(tmp_path / "scan.nii.gz", tmp_path / "out", models / "TUMOR") == 4
    result = screening(tmp_path / "out")
    assert result.outcome == Outcome.REJECTED
    assert result.reason
    assert names(tmp_path / "out") == [REPORT, SCREENING]
    assert "not a medical device" in (tmp_path / "out" / REPORT).read_text().lower()
    assert "Traceback" not in capsys.readouterr().err


def test_a_scan_that_cannot_be_judged_has_exit_code_3(scan, models, tmp_path, monkeypatch):
    def too_short(*_, **__):
        raise InputIndeterminate("the scan has 5 slices; at least 8 are needed")

    monkeypatch.setattr("PDACScreeningLib.session.screener.read_scan", too_short)
    assert screen(scan, tmp_path, models / "TUMOR") == 3
    assert screening(tmp_path).reason == "the scan has 5 slices; at least 8 are needed"


def test_a_damaged_model_is_a_failure_with_a_sentence(scan, models, tmp_path, capsys):
    model = write_model(tmp_path / "model", Label.TUMOR)
    (model / "weights.safetensors").write_bytes(b"x")
    assert screen(scan, tmp_path / "out", model) == 5
    result = screening(tmp_path / "out")
    assert result.outcome == Outcome.FAILED
    assert "copy the model again" in result.reason
    assert str(tmp_path) not in result.reason
    assert "copy the model again" in capsys.readouterr().err


def test_an_unexpected_error_is_a_sentence_and_a_traceback_only_on_request(scan, models, tmp_path, monkeypatch, capsys):
    def broken(*_, **__):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("PDACScreeningLib.session.screener.screen_with", broken)
    assert screen(scan, tmp_path, models / "TUMOR") == 5
    result = screening(tmp_path)
    assert "ZeroDivisionError" in result.reason
    assert "--debug" in result.reason
    assert result.input is not None  # what was known before stays known
    assert "secret" not in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        screen(scan, tmp_path, models / "TUMOR", "--debug")


@pytest.mark.parametrize("arguments", [["no-such-scan.nii"], ["scan.nii", "--model", "no-such-model"]])
def test_nothing_is_written_when_nothing_was_started(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scan.nii").write_text("x")
    assert main(["screen", *arguments, "--output", "out"]) == 2
    assert not (tmp_path / "out").exists()
    assert "no-such" in capsys.readouterr().err


def test_an_output_that_is_a_file_is_refused(scan, models, tmp_path):
    (tmp_path / "out").write_text("precious")
    assert screen(scan, tmp_path / "out", models / "TUMOR") == 2
    assert (tmp_path / "out").read_text() == "precious"


def test_a_scan_in_the_place_of_a_result_is_not_overwritten(scan, models, tmp_path, capsys):
    mistaken = tmp_path / LABELS
    mistaken.write_bytes(scan.read_bytes())
    for source in (mistaken, tmp_path):
        assert screen(source, tmp_path, models / "TUMOR") == 2
        assert "name another folder" in capsys.readouterr().err
    assert names(tmp_path) == [LABELS]


def install(monkeypatch, root):
    monkeypatch.setattr(resources, "_PLACES", (root, *resources._PLACES))


def test_a_demo_model_is_never_used_without_being_asked_for(scan, tmp_path, monkeypatch, capsys):
    write_model(tmp_path / "Models" / "demo", Label.TUMOR, is_demo=True)
    install(monkeypatch, tmp_path)
    assert main(["screen", str(scan), "--output", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "--model demo" in said
    assert "phantoms" in said
    assert not (tmp_path / "out").exists()


def test_the_only_model_that_is_no_demo_is_used_and_named(scan, tmp_path, monkeypatch, capsys):
    write_model(tmp_path / "Models" / "demo", Label.TUMOR, is_demo=True)
    write_model(tmp_path / "Models" / "real", Label.PANCREAS)
    install(monkeypatch, tmp_path)
    assert main(["screen", str(scan), "--output", str(tmp_path / "out"), "--device", "cpu"]) == 3
    assert "Model: real, because it is the only installed model that is not a demo." in capsys.readouterr().err


def test_a_second_run_into_the_same_folder_leaves_only_its_own_files(scan, models, tmp_path):
    assert screen(scan, tmp_path, models / "TUMOR") == 0
    (tmp_path / "notes.txt").write_text("mine")
    assert screen(scan, tmp_path, models / "BACKGROUND") == 3
    assert names(tmp_path) == sorted([REPORT, SCREENING, "notes.txt"])
    assert screen(scan, tmp_path, models / "PANCREAS") == 3
    assert names(tmp_path) == sorted([*RESULT_FILES, "notes.txt"])
    assert screening(tmp_path).rule_call == Outcome.NOT_SUSPICIOUS


def full_disk(*_, **__):
    raise WriteError("could not write labels.seg.nrrd: No space left on device; check free disk space")


def test_when_the_labels_do_not_fit_the_disk_the_folder_says_so(scan, models, tmp_path, monkeypatch, capsys):
    assert screen(scan, tmp_path, models / "PANCREAS") == 3
    monkeypatch.setattr(screening_files, "write_segmentation", full_disk)
    assert screen(scan, tmp_path, models / "TUMOR") == 5
    assert names(tmp_path) == [REPORT, SCREENING]  # nothing of the earlier run beside the new outcome
    assert screening(tmp_path).outcome == Outcome.FAILED
    assert "No space left" in screening(tmp_path).reason
    assert "No space left" in capsys.readouterr().err


def test_when_nothing_fits_the_disk_no_earlier_result_stands_for_this_one_and_none_is_lost(
    scan, models, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    assert screen(scan, out, models / "PANCREAS") == 3
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    for writer in ("write_segmentation", "write_report", "write_screening"):
        monkeypatch.setattr(screening_files, writer, full_disk)
    assert screen(scan, out, models / "TUMOR") == 5
    assert names(tmp_path) == ["out.previous"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "out.previous").iterdir()} == before
    told = capsys.readouterr()
    assert f"The earlier result of {out} now lies in {out}.previous." in told.err
    assert "holds no result" in told.err
    assert REPORT not in told.out


def test_a_scan_beside_an_earlier_result_is_screened_where_it_lies(scan, models, tmp_path):
    (tmp_path / "case").mkdir()
    inside = tmp_path / "case" / "ct.nii.gz"
    inside.write_bytes(scan.read_bytes())
    for _ in range(2):
        assert screen(inside, tmp_path / "case", models / "BACKGROUND") == 3
    assert names(tmp_path / "case") == ["ct.nii.gz", REPORT, SCREENING]
    assert names(tmp_path / "case.previous") == [REPORT, SCREENING]


def test_a_folder_that_another_run_is_writing_into_is_refused_before_the_work(scan, models, tmp_path, capsys):
    out = tmp_path / "out"
    with held_place(out, nullcontext):
        assert screen(scan, out, models / "BACKGROUND") == 2
    assert "another run is writing" in capsys.readouterr().err
    assert not out.exists()


def test_a_report_that_cannot_be_made_still_leaves_the_reason(scan, models, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(screening_files, "write_report", broken)
    assert screen(scan, tmp_path, models / "TUMOR") == 5
    assert names(tmp_path) == [SCREENING]


@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [
        ("ts_example_ct_3mm.nii.gz", "NIfTI", (122, 101, 112)),
        ("dicom_portal_venous", "DICOM series", (512, 512, 20)),
    ],
)
def test_a_real_ct_goes_through_and_its_labels_lie_on_its_own_grid(tmp_path, name, kind, size):
    shared = ROOT.parent / "shared" / "data" / "real_ct_totalsegmentator_Apache2"
    if not shared.exists():
        pytest.skip("the real CTs of ../shared are absent")
    model = write_model(tmp_path / "model", Label.PANCREAS, working_spacing_mm=6.0)
    assert screen(shared / name, tmp_path / "out", model) == 3
    result = screening(tmp_path / "out")
    assert result.input.kind == kind
    assert any("other organs were probably taken for it" in warning for warning in result.warnings)
    assert sitk.ReadImage(str(tmp_path / "out" / LABELS)).GetSize() == size
