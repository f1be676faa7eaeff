"""What the page holds to be scrolled: voxels of the file, under every way to store a scan, in a few megabytes."""

import base64
import gzip
import json
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from sample_screenings import INPUT, SUSPICIOUS, sample_scan

from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.report.viewer_scan import HU_A_STEP, LOWEST_HU, Evidence, viewer_scan
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart

ORIENTATIONS = [
    (order, signs) for order in permutations(range(3)) for signs in product((1.0, -1.0), repeat=3)
]  # 48 ways to store one scan


def noisy_scan(shape=(9, 11, 13), direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)):
    chance = np.random.default_rng(4)
    geometry = Geometry(shape, (1.5, 2.0, 2.5), (-7.0, 12.0, 100.0), direction)
    labels = np.zeros(shape, np.uint8)
    labels[2:7, 3:9, 4:10] = Label.PANCREAS
    labels[3:5, 4:6, 5:8] = Label.TUMOR
    hu = chance.integers(-150, 300, shape).astype(np.int16)
    probability = (chance.integers(0, 256, shape) / 255).astype(np.float32)
    return CTVolume(hu, geometry), LabelMap(labels, geometry), probability


def unpacked(scan):
    """Hounsfield units, marks and probability of a page, (z, y, x) each, as the script reads them."""
    x, y, z = scan.facts["size"]
    layers = np.frombuffer(gzip.decompress(base64.b64decode(scan.voxels)), np.uint8).reshape(3, z, y, x)
    return np.cumsum(layers[0], axis=2, dtype=np.uint8).astype(int) * HU_A_STEP + LOWEST_HU, layers[1], layers[2]


def world(facts, at_xyz):
    axes, spacing = np.array(facts["axes"]), np.array(facts["spacing"])
    return np.array(facts["origin"]) + axes @ (spacing * at_xyz)


@pytest.mark.parametrize("stored", ORIENTATIONS, ids=str)
def test_every_voxel_is_that_of_the_file_at_its_place_in_the_patient(stored):
    order, signs = stored
    direction = np.zeros((3, 3))
    direction[order, range(3)] = signs
    ct, labels, probability = noisy_scan(direction=tuple(direction.ravel()))
    facts = (scan := viewer_scan(SUSPICIOUS, ct, Evidence(labels, VolumePart.of(probability, ct.geometry)))).facts
    hu, marks, chances = unpacked(scan)
    for x, y, z in np.random.default_rng(1).integers(0, facts["size"], (50, 3)):
        k, j, i = np.rint(ct.geometry.world_to_index(world(facts, (x, y, z)))).astype(int)
        assert abs(hu[z, y, x] - ct.hu[k, j, i]) <= 1
        assert marks[z, y, x] == labels.labels[k, j, i]
        assert chances[z, y, x] == round(255 * probability[k, j, i])
    assert (np.abs(np.diag(np.array(facts["axes"]))) == 1).all()  # right, posterior and up run as the page draws them


def test_the_slice_is_named_as_the_file_counts_it():
    direction = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0)  # the file's first slice is the highest
    ct, labels, _ = noisy_scan(direction=direction)
    facts = viewer_scan(SUSPICIOUS, ct, Evidence(labels)).facts
    assert facts["slices"]["axis"] == 2
    assert facts["slices"]["words"][0] == "slice 9 of 9"
    assert facts["slices"]["words"][-1] == "slice 1 of 9"


def test_only_the_part_around_the_gland_travels():
    shape = (40, 200, 200)
    labels = np.zeros(shape, np.uint8)
    labels[20, 100, 100] = Label.PANCREAS
    geometry = Geometry(shape, (1.0, 1.0, 4.0))
    facts = viewer_scan(SUSPICIOUS, CTVolume(np.zeros(shape, np.int16), geometry), Evidence(LabelMap(labels, geometry)))
    assert facts.facts["size"] == (101, 101, 21)  # 50 mm to every side in a slice, 40 mm above and below


def test_without_labels_the_middle_of_the_scan_is_shown():
    ct, _, _ = noisy_scan(shape=(60, 90, 90))
    assert viewer_scan(SUSPICIOUS, ct, Evidence()).facts["size"] == (80, 60, 48)


def test_a_part_too_large_for_a_page_is_thinned_in_its_slices_and_stays_where_it_was():
    ct, labels, probability = noisy_scan(shape=(10, 41, 41))
    full = viewer_scan(SUSPICIOUS, ct, Evidence(labels, VolumePart.of(probability, ct.geometry)))
    thin = viewer_scan(
        SUSPICIOUS, ct, Evidence(labels, VolumePart.of(probability, ct.geometry)), most_bytes=len(full.voxels) // 3
    )
    assert thin.facts["size"] == (21, 17, 10)
    assert len(thin.voxels) < len(full.voxels) / 3
    mean = ct.hu[0, 2:4, 4:6].mean()
    assert abs(unpacked(thin)[0][0, 1, 2] - mean) <= 1
    assert np.allclose(world(thin.facts, (2, 1, 0)), ct.geometry.index_to_world((0.0, 2.5, 4.5)))


def test_densities_outside_the_window_end_at_its_ends():
    ct, labels, _ = noisy_scan()
    hu = np.where(ct.hu > 0, 2000, -1000).astype(np.int16)
    shown = unpacked(viewer_scan(SUSPICIOUS, replace(ct, hu=hu), Evidence(labels)))[0]
    assert set(np.unique(shown)) == {LOWEST_HU, LOWEST_HU + 255 * HU_A_STEP}


def test_each_network_alone_has_a_mark_of_its_own():
    ct, labels, _ = noisy_scan()
    alone = np.zeros(labels.labels.shape, np.uint8)
    alone[5, 5, 5] = Label.TUMOR
    nothing = VolumePart.empty(np.uint8, ct.geometry)
    networks = NetworkLabels.of(("64^3", "32^3", "16^3"), [nothing, VolumePart.of(alone, ct.geometry), nothing])
    scan = viewer_scan(SUSPICIOUS, ct, Evidence(labels, None, networks))
    marks = unpacked(scan)[1]
    assert scan.facts["networks"] == ["64^3 alone", "32^3 alone", "16^3 alone"]
    assert (marks >> 3 & 1).sum() == 1
    assert (marks >> 2 & 1).sum() == (marks >> 4 & 1).sum() == 0
    assert (marks & 3 == Label.TUMOR).sum() == (labels.labels == Label.TUMOR).sum()


def test_findings_are_places_to_go_to_with_their_size():
    ct, labels = sample_scan()
    facts = viewer_scan(SUSPICIOUS, ct, Evidence(labels)).facts
    first = facts["findings"][0]
    assert facts["start"] == first["at"]
    assert np.allclose(world(facts, first["at"]), SUSPICIOUS.findings[0].inside_lps_mm, atol=max(INPUT.spacing_mm_xyz))
    assert first["words"].startswith("Finding 1: 31 mm")
    json.dumps(facts, allow_nan=False)
