"""A run from a volume node to its end, with real children: good ones and bad ones."""

import os
import tempfile
import time
from pathlib import Path

import pytest
from run_driving import fake_python, load_scan, until
from screening_inputs import write_model

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.volume.label_map import Label

SAYS_SOMETHING = 'print(json.dumps({"event": "progress", "stage": "x", "done": 1, "total": 4, "eta_s": 9}), flush=True)'


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path, monkeypatch):
    """Every job folder lands here, so that a test can see whether one is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def volume(scene, tmp_path):
    return load_scan(tmp_path)


@pytest.fixture
def start(scene, volume, tmp_path):
    """Start a run whose child does `code`; what would become nodes is kept instead."""
    from PDACScreeningLib.mrml.screening_run import ScreeningRun

    def run(code):
        return ScreeningRun(scene, volume, add_result=lambda *given: given, python=fake_python(tmp_path, code))

    return run


def ended(run):
    until(lambda: run.end is not None, between=run.poll)
    return run.end


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("os._exit(7)", "failed"),
        ("os.kill(os.getpid(), 9)", "killed"),
        ("print('hello'); print('{'); print('[]')", "garbage"),
        ("sys.stdout.buffer.write(bytes(range(256)) * 40)", "garbage"),
        ("sys.stderr.write('OSError: [Errno 28] No space left on device'); sys.exit(1)", "disk full"),
        ("sys.stderr.write('No module named torch'); sys.exit(1)", "no torch"),
        ('print(json.dumps({"event": "result", "outcome": "SUSPICIOUS", "exit_code": 0}))', "garbage"),
        (
            'print(json.dumps({"event": "result", "outcome": "REJECTED", "reason": "It is a head.", "exit_code": 4}))',
            "rejected",
        ),
    ],
)
def test_a_bad_child_ends_the_run_with_a_reason_and_leaves_nothing(start, temporary_folder, code, kind):
    run = start(code)
    end = ended(run)
    assert (end.screening, end.segmentation_node) == (None, None)
    assert end.problem.kind.value == kind
    assert end.problem.sentence
    assert list(temporary_folder.iterdir()) == []


def test_progress_is_what_the_child_said_last(start):
    run = start(SAYS_SOMETHING + "; time.sleep(60)")
    until(lambda: run.progress.percent is not None, between=run.poll)
    assert (run.progress.stage, run.progress.percent, run.progress.eta_s) == ("x", 25, 9.0)
    run.abandon()


def test_cancel_ends_the_run_within_two_seconds(start, temporary_folder):
    run = start(SAYS_SOMETHING + "; time.sleep(60)")
    until(lambda: run.progress.percent is not None, between=run.poll)
    began = time.monotonic()
    run.cancel()
    assert run.cancelling
    assert ended(run).problem.kind.value == "cancelled"
    assert time.monotonic() - began < 2
    assert list(temporary_folder.iterdir()) == []


def test_a_removed_volume_ends_the_run(start, scene, volume, temporary_folder):
    run = start("time.sleep(60)")
    scene.RemoveNode(volume)
    assert ended(run).problem.kind.value == "volume gone"
    assert list(temporary_folder.iterdir()) == []


def test_an_abandoned_run_leaves_no_child(start, temporary_folder):
    run = start("open(os.path.join(os.path.dirname(scan), 'here'), 'w').close(); time.sleep(60)")
    run.abandon()
    assert not run._process.running
    assert list(temporary_folder.iterdir()) == []


def test_a_volume_that_is_no_ct_does_not_start_and_leaves_nothing(scene, temporary_folder):
    import numpy as np
    import slicer

    from PDACScreeningLib.mrml.screening_run import ScreeningRun

    node = slicer.util.addVolumeFromArray(np.full((4, 4, 4), 1e9))
    with pytest.raises(InputRejected):
        ScreeningRun(scene, node)
    assert list(temporary_folder.iterdir()) == []


def test_diagnostics_name_no_folder_and_no_volume(start, volume, tmp_path):
    volume.SetName("Doe^Jane")
    run = start("sys.stderr.write('Error in ' + scan + '\\nFile \"/home/eva/x.py\", line 3'); sys.exit(1)")
    ended(run)
    text = run.diagnostics()
    assert "exit code: 1" in text
    assert 'File "x.py", line 3' in text
    for secret in ("eva", "Doe", "home", tmp_path.name, os.sep + "tmp"):
        assert secret not in text


def test_a_real_child_screens_and_the_voxels_are_the_ones_that_were_sent(scene, volume, tmp_path, temporary_folder):
    from PDACScreeningLib.mrml.screening_run import ScreeningRun

    model = write_model(tmp_path / "tiny", Label.TUMOR)
    run = ScreeningRun(scene, volume, add_result=lambda *given: given, model=str(model), device="cpu")
    end = ended(run)
    assert end.problem is None
    assert end.screening.outcome is Outcome.SUSPICIOUS
    assert end.screening.tumor_voxels > 0
    given_scene, folder, given_volume, stored = end.segmentation_node
    assert (given_scene, given_volume, stored.screening) == (scene, volume, end.screening)
    assert end.pace.device == "cpu"
    assert not Path(folder).exists()


def test_nothing_in_the_folder_of_a_run_names_the_volume(scene, volume, tmp_path, temporary_folder):
    from PDACScreeningLib.mrml.screening_run import ScreeningRun

    volume.SetName("Doeringfeld^Jane")
    seen = {}

    def look(_scene, result, _volume, _stored):
        job = result.parent
        seen.update({path.relative_to(job): path.read_bytes() for path in job.rglob("*") if path.is_file()})

    run = ScreeningRun(
        scene, volume, add_result=look, model=str(write_model(tmp_path / "tiny", Label.TUMOR)), device="cpu"
    )
    assert ended(run).problem is None
    assert {"ct.mha", "screening.json", "report.html", "labels.seg.nrrd"} <= {path.name for path in seen}
    for path, content in seen.items():
        assert b"Doeringfeld" not in content  # shorter names stand in the base64 of pictures by chance
        assert "Doeringfeld" not in str(path)


def test_a_real_child_can_be_cancelled_while_it_computes(scene, tmp_path, temporary_folder):
    from PDACScreeningLib.mrml.screening_run import ScreeningRun

    volume = load_scan(tmp_path, "large", shape=(120, 160, 160), spacing_mm=2.0)
    model = write_model(tmp_path / "slow", Label.PANCREAS, base_width=8)
    run = ScreeningRun(scene, volume, model=str(model), device="cpu")
    until(lambda: "64" in run.progress.stage, between=run.poll)
    began = time.monotonic()
    run.cancel()
    assert ended(run).problem.kind.value == "cancelled"
    assert time.monotonic() - began < 2
    assert list(temporary_folder.iterdir()) == []


def test_voxels_that_change_during_the_run_refuse_its_result(scene, volume, tmp_path):
    import slicer

    from PDACScreeningLib.mrml.screening_run import ScreeningRun

    model = write_model(tmp_path / "tiny", Label.TUMOR)
    run = ScreeningRun(scene, volume, model=str(model), device="cpu")
    slicer.util.arrayFromVolume(volume)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(volume)
    assert ended(run).problem.kind.value == "volume changed"
