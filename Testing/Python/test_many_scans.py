"""Several scans in one run: a folder each, one loaded model, and a bad scan between two good ones."""

import json

import pytest
from screening_inputs import write_model, write_scan

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.engines import loading
from PDACScreeningLib.errors import Cancelled
from PDACScreeningLib.screening_json import from_json
from PDACScreeningLib.session import answer as screening_files
from PDACScreeningLib.session.result_folder import SCREENING
from PDACScreeningLib.volume.label_map import Label


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("models") / "tumor", Label.TUMOR)


@pytest.fixture
def scans(tmp_path):
    """A good scan, a damaged one, a good one."""
    paths = [tmp_path / f"DOE_{name}.nii.gz" for name in "ABC"]
    for path in paths:
        write_scan(path)
    paths[1].write_bytes(paths[1].read_bytes()[:2000])
    return paths


@pytest.fixture(autouse=True)
def report_without_pictures(monkeypatch):
    write_report = screening_files.write_report
    monkeypatch.setattr(
        screening_files, "write_report", lambda screening, _ct, _labels, path: write_report(screening, None, None, path)
    )


def screen(scans, output, model, *options):
    arguments = [*map(str, scans), "--output", str(output), "--model", str(model), "--device", "cpu", *options]
    return main(["screen", *arguments])


def outcomes(output):
    folders = sorted(output.iterdir())
    read = [from_json(json.loads((folder / SCREENING).read_text())) for folder in folders]
    return {folder.name: result.outcome.value for folder, result in zip(folders, read, strict=True)}


def test_a_damaged_scan_does_not_stop_the_others_and_decides_the_exit_code(scans, model, tmp_path, capsys):
    assert screen(scans, tmp_path / "out", model) == 4
    assert outcomes(tmp_path / "out") == {"scan-001": "SUSPICIOUS", "scan-002": "REJECTED", "scan-003": "SUSPICIOUS"}
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "3 scans: 2 SUSPICIOUS, 1 REJECTED."
    assert lines[-3].split() == ["scan-002", "REJECTED", "DOE_B.nii.gz"]


def test_the_model_is_loaded_once(scans, model, tmp_path, monkeypatch):
    loads, load_engine = [], loading.load_engine
    monkeypatch.setattr(loading, "load_engine", lambda folder, *how: loads.append(folder) or load_engine(folder, *how))
    screen(scans, tmp_path / "out", model)
    assert len(loads) == 1


def test_programs_get_a_result_for_each_scan_and_one_for_the_run(scans, model, tmp_path, capsys):
    screen([scans[0], scans[2]], tmp_path / "out", model, "--progress", "json")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    results = [event for event in events if event["event"] == "result"]
    assert [result.get("output", "").rpartition("/")[2] for result in results] == ["scan-001", "scan-002", ""]
    assert events[-1] == {
        "event": "result",
        "scans": 2,
        "outcomes": ["SUSPICIOUS", "SUSPICIOUS"],
        "exit_code": 0,
    }


def test_cancelling_ends_the_run(scans, model, tmp_path, monkeypatch, capsys):
    def cancelled(*_arguments, **_keywords):
        raise Cancelled

    monkeypatch.setattr("PDACScreeningLib.session.screener.screen_with", cancelled)
    assert screen(scans, tmp_path / "out", model) == 130
    assert outcomes(tmp_path / "out") == {"scan-001": "CANCELLED"}
    assert capsys.readouterr().out.splitlines()[-1] == "3 scans: 1 CANCELLED; 2 not begun."


def test_a_missing_scan_is_told_before_any_is_screened(scans, model, tmp_path, capsys):
    assert screen([scans[0], tmp_path / "absent.nii.gz"], tmp_path / "out", model) == 2
    assert not (tmp_path / "out").exists()
    assert "absent.nii.gz does not exist" in capsys.readouterr().err


def test_a_folder_that_cannot_take_its_result_is_told_before_any_is_screened(scans, model, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "scan-002").write_text("precious")
    assert screen(scans, tmp_path / "out", model) == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scan-002"]
    assert "scan-002 is a file; name a folder" in capsys.readouterr().err


def test_one_scan_lies_in_the_output_folder_itself(scans, model, tmp_path):
    screen(scans[:1], tmp_path / "out", model, "--protocol", "fast", "--memory-gib", "0.001")
    result = from_json(json.loads((tmp_path / "out" / SCREENING).read_text()))
    assert result.protocol.name == "fast"
    assert result.provenance.memory_steps == ()


@pytest.mark.parametrize("gib", ["0", "-1", "nan", "much"])
def test_a_ceiling_that_is_no_amount_of_memory_is_refused(scans, model, tmp_path, gib, capsys):
    with pytest.raises(SystemExit):
        screen(scans[:1], tmp_path / "out", model, "--memory-gib", gib)
    assert "expected a number above 0" in capsys.readouterr().err


def test_no_result_of_an_earlier_run_stands_among_those_of_this_one(scans, model, tmp_path):
    out = tmp_path / "out"
    assert screen([scans[0]], out, model) == 0
    assert screen(scans, out, model) == 4
    assert screen(scans[:2], out, model) == 4
    assert sorted(path.name for path in out.iterdir()) == [
        *("scan-001", "scan-001.previous", "scan-002", "scan-002.previous", "scan-003.previous")
    ]
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out", "out.previous"]
