"""The whole scan in pieces: put together again they are the file, whatever the way in which it is stored."""

from itertools import permutations, product

import numpy as np
import pytest
from sample_screenings import SUSPICIOUS

from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.report import served_scan
from PDACScreeningLib.report.served_scan import Layer, ScanParts, ServedScan
from PDACScreeningLib.report.viewer_scan import HU_A_STEP, LOWEST_HU
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.part import VolumePart

ORIENTATIONS = [(order, signs) for order in permutations(range(3)) for signs in product((1.0, -1.0), repeat=3)]
SHAPE = (9, 11, 13)


@pytest.fixture(autouse=True)
def few_slices_a_piece(monkeypatch):
    monkeypatch.setattr(served_scan, "VOXELS_A_PIECE", 300)


def parts(direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)):
    """A noisy scan with a gland, a tumor and a network that sees the tumor one voxel further."""
    chance, grid = np.random.default_rng(4), Geometry(SHAPE, (1.5, 2.0, 2.5), (-7.0, 12.0, 100.0), direction)
    labels, alone = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    labels[2:7, 3:9, 4:10] = Label.PANCREAS
    labels[3:5, 4:6, 5:8] = alone[3:5, 4:6, 5:9] = Label.TUMOR
    probability = np.where(labels > 0, np.float32(0.6), np.float32(0))
    return ScanParts(
        CTVolume(chance.integers(-150, 300, SHAPE).astype(np.int16), grid),
        VolumePart.of(labels, grid),
        VolumePart.of(probability, grid),
        NetworkLabels.of(("64^3",), [VolumePart.of(alone, grid)]),
    )


def put_together(scan):
    """Each layer as the script of the page does it."""
    x, y, z = scan.facts["size"]
    layers = {layer: np.zeros((z, y, x), np.uint8) for layer in Layer}
    for piece in scan.facts["pieces"]:
        layer, number = piece["address"].split("/")[-2:]
        values = np.frombuffer(scan.piece(Layer(layer), int(number)), np.uint8).reshape(-1, y, x)
        layers[Layer(piece["layer"])][piece["first"] : piece["first"] + len(values)] = values
    return layers


@pytest.mark.parametrize("stored", ORIENTATIONS, ids=str)
def test_every_voxel_is_that_of_the_file_at_its_place_in_the_patient(stored):
    order, signs = stored
    direction = np.zeros((3, 3))
    direction[order, range(3)] = signs
    scan = ServedScan(SUSPICIOUS, given := parts(tuple(direction.ravel())), "/voxels")
    layers, facts = put_together(scan), scan.facts
    labels, probability = given.labels.whole(), given.tumor_probability.whole()
    alone = given.network_labels.labels_of("64^3").whole() == Label.TUMOR
    for x, y, z in np.random.default_rng(1).integers(0, facts["size"], (50, 3)):
        world = np.array(facts["origin"]) + np.array(facts["axes"]) @ (np.array(facts["spacing"]) * (x, y, z))
        at = tuple(np.rint(given.ct.geometry.world_to_index(world)).astype(int))
        assert abs(int(layers[Layer.GRAY][z, y, x]) * HU_A_STEP + LOWEST_HU - given.ct.hu[at]) <= 1
        assert layers[Layer.MARKS][z, y, x] == labels[at] + 4 * alone[at]
        assert layers[Layer.PROBABILITY][z, y, x] == round(255 * float(probability[at]))


def test_the_whole_scan_is_there_and_slices_without_marks_have_no_piece_for_them():
    scan = ServedScan(SUSPICIOUS, parts(), "/voxels")
    assert scan.facts["size"] == SHAPE[::-1]
    held = {layer: [p["first"] for p in scan.facts["pieces"] if p["layer"] == layer] for layer in Layer}
    assert held[Layer.GRAY] == [0, 2, 4, 6, 8]
    assert held[Layer.MARKS] == held[Layer.PROBABILITY] == [2, 4, 6]


def test_a_scan_alone_has_gray_values_only_and_no_word_about_labels():
    scan = ServedScan(SUSPICIOUS, ScanParts(parts().ct), "/voxels")
    assert {piece["layer"] for piece in scan.facts["pieces"]} == {Layer.GRAY}
    assert not scan.facts["labeled"]
    assert not scan.facts["hasProbability"]
    assert scan.facts["networks"] == []
