"""However a scan is stored, the answer is the same and lies on the right anatomy and side."""

from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from fake_network import DecodingNetwork, coded, hounsfield, one_hot
from stored_scans import stored_as

from PDACScreeningLib.config import PAPER_SCALES, ScreeningConfig
from PDACScreeningLib.inference.postprocessing import keep_large_components
from PDACScreeningLib.inference.screening import screen
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real_ct_totalsegmentator_Apache2"
ORIENTATIONS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]
FAST = ScreeningConfig(
    working_spacing_mm=None, scales=tuple(replace(scale, stride=scale.patch_size) for scale in PAPER_SCALES)
)
OBLIQUE = (0.96, -0.28, 0.0, 0.28, 0.96, 0.0, 0.0, 0.0, 1.0)  # 16 degrees about the long axis


class HandedNetwork(DecodingNetwork):
    """Reads the label and is surer the further left, posterior and superior it lies in the window."""

    def __call__(self, windows):
        places = np.meshgrid(*(np.linspace(0, 1, length) for length in windows.shape[1:]), indexing="ij")
        confidence = 0.6 + sum(weight * place for weight, place in zip((0.04, 0.08, 0.16), places, strict=True))
        sure = one_hot(np.digitize(hounsfield(windows), (50, 150)), 1.0)
        answer = sure * confidence + (1 - sure) * (1 - confidence) / 2
        return answer.astype(np.float32)


def handed():
    return {scale.patch_size: HandedNetwork(batch_size=32) for scale in PAPER_SCALES}


def decoders():
    return {scale.patch_size: DecodingNetwork(batch_size=32) for scale in PAPER_SCALES}


def center_mm(mask, geometry):
    return geometry.index_to_world(np.argwhere(mask).mean(axis=0))


@pytest.mark.parametrize(
    "direction", [Geometry((1, 1, 1), (1.0, 1.0, 1.0)).direction, OBLIQUE], ids=["straight", "oblique"]
)
def test_all_48_ways_to_store_a_scan_give_the_same_answer(direction):
    geometry = Geometry((31, 44, 57), (0.9, 1.1, 1.3), (-20.0, 30.0, -400.0), direction)
    labels = np.zeros(geometry.shape, np.uint8)
    labels[10:22, 12:30, 8:20] = labels[14:20, 12:20, 20:50] = Label.PANCREAS  # no symmetry: an L
    labels[15:19, 13:18, 44:53] = Label.TUMOR  # at its left end
    ct = coded(labels, geometry)
    first = screen(ct, handed(), FAST)
    assert np.array_equal(first.label_map.labels, labels)
    assert np.ptp(first.tumor_probability[labels == Label.TUMOR]) > 0.01  # the networks do know left from right
    for orientation in ORIENTATIONS:
        hu, stored = stored_as(ct.hu, geometry, orientation)
        screened = screen(CTVolume(hu, stored), handed(), FAST)
        assert np.array_equal(screened.label_map.labels, stored_as(labels, geometry, orientation)[0])
        assert np.array_equal(screened.tumor_probability, stored_as(first.tumor_probability, geometry, orientation)[0])
        assert screened.screening.score == first.screening.score
        (finding,), (expected,) = screened.screening.findings, first.screening.findings
        assert finding.centroid_lps_mm == pytest.approx(expected.centroid_lps_mm, abs=1e-6)
        assert finding.inside_lps_mm == pytest.approx(expected.inside_lps_mm, abs=1e-6)
        assert finding.longest_diameter_mm == pytest.approx(expected.longest_diameter_mm)


def real_image(name):
    """(array, geometry) of a real file beside the repository; skips the test where it is absent."""
    if not (REAL / name).exists():
        pytest.skip("../shared/data/real_ct_totalsegmentator_Apache2 is absent")
    image = sitk.ReadImage(str(REAL / name))
    array = sitk.GetArrayFromImage(image)
    geometry = Geometry(array.shape, image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return array, geometry


def tail_as_tumor(pancreas, geometry, voxels):
    """Labels of a real gland whose leftmost voxels (largest x in LPS) are called tumor."""
    labels = np.where(pancreas > 0, np.uint8(Label.PANCREAS), np.uint8(Label.BACKGROUND))
    labels = keep_large_components(labels, min_fraction=0.2)
    places = np.argwhere(labels)
    leftmost = places[np.argsort(geometry.index_to_world(places.astype(float))[:, 0])[-voxels:]]
    labels[tuple(leftmost.T)] = Label.TUMOR
    return labels


def test_real_gland_lands_on_its_place_and_side_in_all_48_orientations():
    pancreas, geometry = real_image("ts_example_pancreas_3mm.nii.gz")
    organs, organs_geometry = real_image("ts_example_multilabel_v1_3mm.nii.gz")  # 1 spleen, 5 liver
    liver_mm, spleen_mm = (center_mm(organs == number, organs_geometry) for number in (5, 1))
    labels = tail_as_tumor(pancreas, geometry, voxels=80)
    ct = coded(labels, geometry)
    tail_mm = center_mm(labels == Label.TUMOR, geometry)
    for orientation in ORIENTATIONS:
        hu, stored = stored_as(ct.hu, geometry, orientation)
        screened = screen(CTVolume(hu, stored), decoders(), FAST)
        assert screened.screening.outcome is Outcome.SUSPICIOUS
        assert np.array_equal(screened.label_map.labels, stored_as(labels, geometry, orientation)[0])
        gland_mm = center_mm(screened.label_map.labels > 0, screened.label_map.geometry)
        found_mm = center_mm(screened.label_map.labels == Label.TUMOR, screened.label_map.geometry)
        assert found_mm == pytest.approx(tail_mm, abs=1e-3)
        assert liver_mm[0] < gland_mm[0] < found_mm[0] < spleen_mm[0]  # from the patient's right to the left


@pytest.mark.parametrize("orientation", [((0, 1, 2), (1, 1, 1)), ((2, 0, 1), (-1, 1, -1))], ids=["as is", "turned"])
def test_real_gland_lands_on_its_place_through_a_resampled_working_grid(orientation):
    pancreas, geometry = real_image("ts_example_pancreas_3mm.nii.gz")
    labels = keep_large_components((pancreas > 0).astype(np.uint8), min_fraction=0.2)
    hu, stored = stored_as(coded(labels, geometry).hu, geometry, orientation)
    screened = screen(CTVolume(hu, stored), decoders(), replace(FAST, working_spacing_mm=2.0))
    ours, true = screened.label_map.labels > 0, stored_as(labels, geometry, orientation)[0] > 0
    assert 2 * (ours & true).sum() / (ours.sum() + true.sum()) > 0.85  # the gland is 2 to 4 voxels thick
    assert center_mm(ours, stored) == pytest.approx(center_mm(true, stored), abs=1.0)  # a third of a voxel


def test_real_gland_on_the_dicom_grid_of_20_slices_lands_on_its_place():
    pancreas, geometry = real_image("ts_dicom_pancreas_on_dicom_grid.nii.gz")
    labels = tail_as_tumor(pancreas, geometry, voxels=300)
    screened = screen(coded(labels, geometry), decoders(), FAST)
    assert np.array_equal(screened.label_map.labels, labels)
    assert any("reaches the border of the scan" in warning for warning in screened.screening.warnings)
