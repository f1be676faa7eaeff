"""Phantoms and a real CT: the module and the command line give the same numbers, with real children.

The networks of `undecided_model` are small and know nothing, but their answers depend on every voxel.
"""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
import torch
from panel_driving import choose, press_screen

from PDACScreeningLib.config import HUWindow, NetworkSpec, ScreeningConfig
from PDACScreeningLib.mrml.new_volume_node import add_ct
from PDACScreeningLib.network.model_directory import ModelDescription, save_model
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.phantom.generator import generate
from PDACScreeningLib.phantom.specification_draw import random_specification
from PDACScreeningLib.resources import resource
from PDACScreeningLib.scan_files.image_io import write_volume
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.screening_json import to_json
from PDACScreeningLib.session.stored_result import read_screening

REAL_CT = Path(__file__).resolve().parents[3] / "shared" / "data" / "real_ct_totalsegmentator_Apache2"
PHANTOMS = ((1, 30.0), (2, None), (3, 45.0))  # seed, diameter of the tumor in mm
COARSE = {"shape": (48, 64, 64), "spacing_mm": (5.8, 5.8, 5.0)}  # half of the usual resolution: 8 times faster
TURNED = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)  # about the long axis of the body
FILES = (".nii.gz", ".nrrd", ".mha")


@pytest.fixture(scope="module")
def undecided_model(tmp_path_factory):
    """Three networks of random weights whose answers differ from place to place."""
    config = ScreeningConfig(network=NetworkSpec(base_width=2), working_spacing_mm=6.0, intensity=HUWindow())
    torch.manual_seed(0)
    states = {}
    for scale in config.scales:
        network = SegmentationNetwork(scale, config.network)
        torch.nn.init.normal_(network.head.weight, std=4.0)
        torch.nn.init.zeros_(network.head.bias)
        states[scale.patch_size] = network.state_dict()
    folder = tmp_path_factory.mktemp("models") / "undecided"
    facts = ModelDescription("undecided", "nothing", True, config, weights_sha256="", notice="test model")
    save_model(folder, facts, states)
    return folder


def by_command(scan, output, model):
    """The screening of the command line."""
    command = [sys.executable, "-m", "PDACScreeningLib", "screen", str(scan), "--output", str(output)]
    done = subprocess.run([*command, "--model", str(model), "--device", "cpu"], capture_output=True, check=False)
    assert done.returncode in (0, 3), done.stderr.decode()
    return read_screening(output)


def by_module(module, volume, model):
    """The screening of a script in Slicer."""
    return module.PDACScreeningLogic().screen(volume, model=str(model), device="cpu")


def numbers(screening):
    """All of screening.json but times, and what the file was called, numbered and packed."""
    data = to_json(screening)
    del data["input"]["series_number"]
    for finding in data["findings"]:
        del finding["image_number"]
    del data["timings_s"], data["provenance"]["started_utc"], data["input"]["kind"]
    del data["files_sha256"]["report.html"]  # it tells times
    return json.dumps(data, indent=1)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "diameter_mm"), PHANTOMS)
def test_module_and_command_line_agree_on_a_phantom(module, scene, undecided_model, tmp_path, seed, diameter_mm):
    specification = replace(random_specification(seed, tumor_diameter_mm=diameter_mm), **COARSE)
    ct = generate(specification).ct
    typed = by_command(write_volume(ct.hu, ct.geometry, tmp_path / "ct.nrrd"), tmp_path / "out", undecided_model)
    scripted = by_module(module, add_ct(scene, ct, "phantom"), undecided_model)
    assert numbers(scripted) == numbers(typed)
    assert 0 < typed.tumor_voxels < np.prod(COARSE["shape"])  # an answer that depends on the place


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("seed", "diameter_mm", "suffix"), [(*p, s) for p, s in zip(PHANTOMS, FILES, strict=True)])
def test_panel_and_command_line_agree_on_a_phantom_with_the_demo_model(
    module_widget, tmp_path, seed, diameter_mm, suffix
):
    """A file opened in Slicer, the demo model chosen in the list, Screen pressed; the last phantom lies oblique."""
    if not (resource("Models/demo-phantom") / "model.json").exists():
        pytest.skip("the demo model is not installed")
    ct = generate(random_specification(seed, tumor_diameter_mm=diameter_mm)).ct
    grid = replace(ct.geometry, direction=TURNED) if suffix == ".mha" else ct.geometry
    scan = write_volume(ct.hu, grid, tmp_path / f"ct{suffix}")
    choose(module_widget, slicer.util.loadVolume(str(scan)), "demo-phantom")
    press_screen(module_widget, patience_s=1700)
    assert module_widget.ui.problemLabel.text == ""
    clicked = module_widget.logic.shown_result(module_widget._parameterNode.result).screening
    typed = by_command(scan, tmp_path / "out", "demo-phantom")
    assert numbers(clicked) == numbers(typed)
    assert typed.findings


@pytest.mark.slow
def test_module_and_command_line_agree_on_a_real_ct(module, scene, undecided_model, tmp_path):
    folder = REAL_CT / "dicom_portal_venous"
    if not folder.exists():
        pytest.skip("the real CT in ../shared is absent")
    typed = by_command(folder, tmp_path / "out", undecided_model)
    scripted = by_module(module, add_ct(scene, read_scan(folder).volume, "CT"), undecided_model)
    assert numbers(scripted) == numbers(typed)
