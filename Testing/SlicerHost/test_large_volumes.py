"""What a reader waits for looks at the gland, not at the whole CT: no array as large as the scan is made.

Seconds would tell more about the machine than about the code (Testing/Benchmarks/bench_panel.py measures them).
"""

import tracemalloc
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from sample_screenings import SUSPICIOUS
from scans import PROTOCOL, facts, paint

from PDACScreeningLib.mrml.ct_volume_node import node_voxels_sha256, write_input_file
from PDACScreeningLib.mrml.new_volume_node import add_ct
from PDACScreeningLib.mrml.rescored_nodes import rescore
from PDACScreeningLib.mrml.result_nodes import show_result
from PDACScreeningLib.mrml.shown_result import shown_result
from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.scan_files import volume_part
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.session.stored_result import reading
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart

GRID = Geometry((120, 300, 300), (1.0, 1.0, 1.5))
VOXELS = 120 * 300 * 300
GLAND, TUMOR, SEARCHED = np.s_[40:60, 140:170, 100:160], np.s_[45:55, 150:160, 110:130], np.s_[30:70, 130:180, 90:170]


@pytest.fixture
def volume(scene):
    hu = np.random.default_rng(0).integers(-50, 80, GRID.shape, np.int16)
    return add_ct(scene, CTVolume(hu, GRID), "CT")


@pytest.fixture
def folder(volume, tmp_path):
    """What a screening of the CT left behind."""
    labels, probability = np.zeros(GRID.shape, np.uint8), np.zeros(GRID.shape, np.float32)
    labels[GLAND], labels[TUMOR], probability[SEARCHED] = Label.PANCREAS, Label.TUMOR, 0.6
    protocol = replace(PROTOCOL, working_spacing_mm=1.0, working_spacing_mm_xyz=(1.0, 1.0, 1.0))
    screening = replace(SUSPICIOUS, input=facts(volume), protocol=protocol)
    alone = NetworkLabels.of(("64^3", "32^3", "16^3"), [VolumePart.of(labels, GRID)] * 3)
    searched = VolumePart.of(probability, GRID)
    return Answer(screening, None, LabelMap(labels, GRID), searched, network_labels=alone).save(tmp_path / "result")


@contextmanager
def no_array_as_large_as_the_scan(bytes_a_voxel=1):
    """Not even one of a byte a voxel."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < bytes_a_voxel * VOXELS, f"{peak} bytes for a scan of {VOXELS} voxels"


def test_re_scoring_copies_no_scan(scene, volume, folder):
    result = show_result(scene, folder, volume)
    drawn = np.zeros(GRID.shape, bool)
    drawn[45:58, 150:160, 110:135] = True
    paint(result, volume, "Tumor", drawn)
    with no_array_as_large_as_the_scan():
        screening = rescore(scene, result)
    assert screening.tumor_voxels > SUSPICIOUS.tumor_voxels


def test_a_result_is_brought_in_and_looked_at_without_an_array_as_large_as_the_scan(scene, volume, folder):
    with no_array_as_large_as_the_scan(bytes_a_voxel=4):  # screening.json alone is read into 33 MB
        result = show_result(scene, folder, volume)
        assert shown_result(scene, result).state == "CURRENT"
    probability = result.GetNodeReference("PDACScreeningProbability").GetImageData()
    assert probability.GetNumberOfPoints() == 40 * 50 * 80  # a node keeps what was searched


def test_the_scan_is_written_and_compared_without_a_copy(volume, tmp_path):
    with no_array_as_large_as_the_scan():
        write_input_file(volume, tmp_path / "ct.mha")
        node_voxels_sha256(volume)


def test_a_result_is_read_in_steps_of_few_slices(folder, monkeypatch):
    monkeypatch.setattr(volume_part, "VOXELS_AT_ONCE", 10 * 300 * 300)
    assert sum(1 for _ in reading(folder)) == 3 * 12  # labels, probability and the networks' labels: 10 slices a step
