"""A real child is interrupted by the panel, by the scene or by a full disk: it ends and leaves nothing behind."""

import contextlib
import shutil
import subprocess
import tempfile
import time

import pytest
from panel_driving import choose, press_screen
from run_driving import load_scan, until
from screening_inputs import write_model

from PDACScreeningLib.volume.label_map import Label


@pytest.fixture
def temporary_folder(tmp_path, monkeypatch):
    """Where job folders land."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def computing(module_widget, scene, tmp_path, temporary_folder):
    """The panel while a real child is in its coarse scan, which takes a minute."""
    volume = load_scan(tmp_path, "large", shape=(120, 160, 160), spacing_mm=2.0)
    choose(module_widget, volume, write_model(tmp_path / "slow", Label.PANCREAS, base_width=8))
    module_widget.ui.screenButton.click()
    until(lambda: "64" in module_widget.ui.stageLabel.text)
    assert list(temporary_folder.glob("pdac-*/ct.mha"))
    return module_widget


def test_cancel_ends_a_real_child_within_two_seconds(computing, temporary_folder):
    process, began = computing.screening._run._process, time.monotonic()
    computing.ui.cancelButton.click()
    until(lambda: not computing.screening.running)
    assert time.monotonic() - began < 2
    assert computing.ui.problemLabel.text == "The screening was cancelled."
    assert not process.running
    assert list(temporary_folder.iterdir()) == []


def test_closing_the_scene_ends_a_real_child(computing, scene, temporary_folder):
    process = computing.screening._run._process
    scene.Clear(0)
    assert not computing.screening.running
    assert not process.running
    assert computing.ui.reasonLabel.text == "No result yet."
    assert list(temporary_folder.iterdir()) == []


def test_deleting_the_volume_ends_a_real_child_and_says_so(computing, scene, temporary_folder):
    process = computing.screening._run._process
    scene.RemoveNode(computing._parameterNode.inputVolume)
    until(lambda: not computing.screening.running)
    assert "removed from the scene" in computing.ui.problemLabel.text
    assert not process.running
    assert list(temporary_folder.iterdir()) == []
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A disk of 2 MB for temporary files."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounting.returncode != 0:
        pytest.skip("a small disk cannot be mounted here: it takes an administrator")
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk):
    """Leave no room at all."""
    with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while ballast.write(bytes(4096)) == 4096:
            pass
    assert shutil.disk_usage(disk).free == 0


def test_a_disk_that_is_full_before_the_run_is_said_in_the_panel(module_widget, scene, tmp_path, small_disk):
    choose(module_widget, load_scan(tmp_path), write_model(tmp_path / "tiny", Label.TUMOR))
    fill(small_disk)
    module_widget.ui.screenButton.click()
    assert not module_widget.screening.running
    assert module_widget.ui.problemLabel.text.startswith("The disk for temporary files is full.")
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


def test_a_real_child_that_fills_the_disk_is_said_in_the_panel(module_widget, scene, tmp_path, small_disk):
    choose(module_widget, load_scan(tmp_path), write_model(tmp_path / "tiny", Label.TUMOR))
    module_widget.ui.screenButton.click()
    fill(small_disk)  # the scan is written, the result is not
    until(lambda: not module_widget.screening.running)
    assert module_widget.ui.problemLabel.text.startswith("The disk for temporary files is full.")
    assert not module_widget.ui.copyDiagnosticsButton.isHidden()
    assert module_widget._parameterNode.result is None
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]
    (small_disk / "ballast").unlink()
    press_screen(module_widget)
    assert module_widget.ui.verdictLabel.text == "Suspicious region found"
