"""No call may depend on how a processor rounds: near the rule the networks answer again in fp32."""

import json

import numpy as np
import pytest
from fake_network import DecodingNetwork, coded
from screening_inputs import write_model, write_scan

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.inference.screening import DECIDED_IN_FULL, screen
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

GEOMETRY = Geometry((96, 96, 96), (1.0, 1.0, 1.0))
CONFIG = ScreeningConfig(working_spacing_mm=None)


def gland(tumor_voxels):
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[35:65, 35:65, 35:65] = Label.PANCREAS
    labels[45, 45, 36 : 36 + min(tumor_voxels, 28)] = Label.TUMOR
    for row in range(1, 1 + tumor_voxels // 28):
        labels[45, 45 + row, 36 : 36 + min(28, tumor_voxels - 28 * row)] = Label.TUMOR
    return labels


class Rounded(DecodingNetwork):
    """Sees `lost` fewer tumor voxels than there are, as few bits might."""

    def __init__(self, lost):
        super().__init__()
        self.lost = lost

    def __call__(self, windows):
        answers = super().__call__(windows)
        tumor = answers[:, Label.TUMOR] > 0.5
        rounded = tumor & (np.cumsum(tumor.reshape(len(tumor), -1), axis=1).reshape(tumor.shape) <= self.lost)
        answers[:, Label.TUMOR][rounded], answers[:, Label.PANCREAS][rounded] = 0.05, 0.9
        return answers


def rounded(lost):
    return {scale.patch_size: Rounded(lost) for scale in CONFIG.scales}


def exact():
    return {scale.patch_size: DecodingNetwork() for scale in CONFIG.scales}


def test_near_the_rule_full_precision_decides():
    asked = []
    found = screen(coded(gland(52), GEOMETRY), rounded(4), CONFIG, in_full_precision=lambda: asked.append(1) or exact())
    assert (found.screening.outcome, found.screening.tumor_voxels) == (Outcome.SUSPICIOUS, 52)
    assert found.decided_in_full
    assert DECIDED_IN_FULL in found.screening.warnings
    assert "coarse scan (64^3), full precision" in found.screening.timings_s


@pytest.mark.parametrize("tumor_voxels", [0, 20, 90])
def test_far_from_the_rule_the_fast_number_format_stands(tumor_voxels):
    def never():
        raise AssertionError("asked")

    found = screen(coded(gland(tumor_voxels), GEOMETRY), rounded(0), CONFIG, in_full_precision=never)
    assert found.screening.tumor_voxels == tumor_voxels
    assert not found.decided_in_full


def test_a_pancreas_that_was_not_found_is_looked_for_again():
    labels = gland(0)
    nothing = {scale.patch_size: DecodingNetwork() for scale in CONFIG.scales}
    nothing[64] = lambda windows: np.broadcast_to(
        np.array([1, 0, 0], np.float32)[:, None, None, None], (len(windows), 3, *windows.shape[1:])
    ).copy()
    nothing[64].batch_size = 4
    found = screen(coded(labels, GEOMETRY), nothing, CONFIG, in_full_precision=exact)
    assert found.screening.outcome is Outcome.NOT_SUSPICIOUS


def test_the_command_takes_a_precision_and_the_result_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr("PDACScreeningLib.network.runtime._cpu_has_bf16", lambda: True)
    scan, model = write_scan(tmp_path / "ct.nii.gz"), write_model(tmp_path / "TUMOR", Label.TUMOR)
    said = {}
    for precision in ("auto", "fp32"):
        output = tmp_path / precision
        arguments = ["screen", str(scan), "--model", str(model), "--output", str(output), "--device", "cpu"]
        assert main([*arguments, "--protocol", "fast", "--precision", precision]) == 0
        said[precision] = json.loads((output / "screening.json").read_text(encoding="utf-8"))["provenance"]["precision"]
    assert said == {"auto": "bf16", "fp32": "fp32"}


def test_full_precision_networks_run_where_the_others_do(tmp_path):
    from PDACScreeningLib.network.model_directory import load_model
    from PDACScreeningLib.network.window_predictor import full_precision

    model = load_model(write_model(tmp_path / "TUMOR", Label.TUMOR))
    networks = full_precision(model, Runtime("cpu", "bf16"))
    assert {network.runtime.precision for network in networks.values()} == {"fp32"}
    assert {network.runtime.device for network in networks.values()} == {"cpu"}
