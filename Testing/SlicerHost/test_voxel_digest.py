"""A large CT is compared in parts, so that Slicer stays usable; until then nothing of a result is shown as current."""

import numpy as np
import slicer
from made_result import make_result
from panel_driving import choose, press_screen
from run_driving import replaying_python, until
from scans import GEOMETRY, ct_node
from screening_inputs import write_model

from PDACScreeningLib.mrml.ct_volume_node import node_voxels_sha256
from PDACScreeningLib.mrml.voxel_digest import VoxelDigests
from PDACScreeningLib.volume.label_map import Label

PLANES, PLANE_VOXELS = GEOMETRY.shape[0], GEOMETRY.shape[1] * GEOMETRY.shape[2]


def test_parts_give_the_digest_of_the_whole(scene):
    volume, digest_of = ct_node(scene), VoxelDigests(voxels_at_once=8 * PLANE_VOXELS)
    assert [digest_of(volume) for _ in range(3)] == [None, None, node_voxels_sha256(volume)]  # 20 planes, 8 at once
    assert PLANES == 20


def test_floating_point_volumes_have_the_digest_of_what_is_screened(scene):
    values = np.array([-3024.0, 40.4, 40.6, np.nan]).repeat(250).reshape(10, 10, 10)
    volume = slicer.util.addVolumeFromArray(np.where(np.isnan(values), -1000.5, values))
    assert VoxelDigests()(volume) == node_voxels_sha256(volume)


def test_a_digest_is_remembered_until_the_voxels_change(scene):
    volume, digest_of = ct_node(scene), VoxelDigests(voxels_at_once=PLANES * PLANE_VOXELS // 2)
    digest_of(volume)
    first = digest_of(volume)
    assert digest_of(volume) == first
    slicer.util.arrayFromVolume(volume)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(volume)
    assert digest_of(volume) is None
    assert digest_of(volume) == node_voxels_sha256(volume) != first


def test_two_volumes_are_not_mixed_up(scene):
    one, other, digest_of = ct_node(scene), ct_node(scene), VoxelDigests(voxels_at_once=10 * PLANE_VOXELS)
    slicer.util.arrayFromVolume(other)[-1, 0, 0] += 1
    assert [digest_of(one), digest_of(other)] == [None, None]
    assert [digest_of(one), digest_of(other)] == [node_voxels_sha256(one), node_voxels_sha256(other)]


def test_the_panel_shows_no_verdict_while_it_compares_and_then_by_itself(module_widget, scene, tmp_path):
    made = make_result(tmp_path)
    panel, volume = module_widget, slicer.util.loadVolume(str(made.scan))
    panel.logic.python = replaying_python(tmp_path, made.folder)
    choose(panel, volume, write_model(tmp_path / "tiny", Label.TUMOR))
    press_screen(panel)
    panel.logic._digests = VoxelDigests(voxels_at_once=1)
    panel.refresh()
    assert panel.ui.stateLabel.text.startswith("Comparing ")
    assert panel.ui.verdictLabel.text == ""
    assert panel.ui.findingsTable.rowCount == 0
    assert not panel.ui.acceptButton.enabled
    until(lambda: panel.ui.verdictLabel.text == "Suspicious region found", patience_s=20)
    assert panel.ui.findingsTable.rowCount == 2
