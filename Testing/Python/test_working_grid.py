"""To the working grid and back: same center, same extent, labels and probabilities where they belong."""

import numpy as np
import pytest
import SimpleITK as sitk
from panorama_labels import panorama_cases
from stored_scans import OBLIQUE, ORIENTATIONS, REAL_CT, body_geometry, body_hu, stored_as

from PDACScreeningLib.errors import GeometryMismatch
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart
from PDACScreeningLib.volume.working_grid import working_grid

OBLIQUE_SCAN = Geometry((11, 24, 19), (1.3, 1.7, 3.1), (10.0, -20.0, 30.0), OBLIQUE)


def ball(geometry, center_mm, radius_mm):
    """Boolean (z, y, x): voxels whose center lies in a ball of the world."""
    places = geometry.index_to_world(np.stack(np.indices(geometry.shape), axis=-1).astype(float))
    return np.linalg.norm(places - center_mm, axis=-1) < radius_mm


def centroid_mm(mask, geometry):
    return geometry.index_to_world(np.argwhere(mask).mean(axis=0))


def center_mm(geometry):
    return geometry.index_to_world(tuple((length - 1) / 2 for length in geometry.shape))


@pytest.mark.parametrize("spacing_mm", [0.9, 1.0, 2.5, 3.1])
def test_the_working_grid_covers_the_scan_and_shares_its_center_and_direction(spacing_mm):
    grid = working_grid(OBLIQUE_SCAN, spacing_mm)
    assert np.abs(center_mm(grid.working) - center_mm(OBLIQUE_SCAN)).max() < 1e-9
    assert grid.working.direction == OBLIQUE_SCAN.direction
    assert all(abs(mm - spacing_mm) <= 1e-3 for mm in grid.working.spacing_mm)
    for covered, wanted in zip(grid.working.extent_mm, OBLIQUE_SCAN.extent_mm, strict=True):
        assert -1e-3 < covered - wanted < spacing_mm


def test_an_extent_of_whole_voxels_is_not_rounded_up():
    assert working_grid(Geometry((100, 100, 100), (0.7, 0.7, 0.7)), 1.0).working.shape == (70, 70, 70)


def test_an_extent_with_a_rest_gets_one_more_voxel():
    assert working_grid(Geometry((10, 10, 11), (0.9, 1.0, 1.05)), 1.0).working.shape == (11, 10, 10)


def test_without_a_spacing_the_working_grid_is_the_canonical_one_and_nothing_is_copied():
    ct = CTVolume(body_hu(), body_geometry())
    grid = working_grid(ct.geometry, None)
    assert grid.working == grid.canonical
    assert np.shares_memory(grid.to_working(ct).hu, ct.hu)


def test_a_scan_of_the_working_spacing_is_not_interpolated():
    hu, geometry = body_hu(), Geometry((20, 24, 28), (1.0004, 1.0, 0.9996))
    grid = working_grid(geometry, 1.0)
    assert grid.working == geometry
    assert np.array_equal(grid.to_working(CTVolume(hu, geometry)).hu, hu)


def test_an_axis_of_the_working_spacing_is_kept_while_the_others_are_resampled():
    hu = np.broadcast_to(np.arange(20, dtype=np.int16)[:, None, None] ** 2, (20, 24, 28))
    grid = working_grid(Geometry(hu.shape, (2.0, 2.0, 1.0)), 1.0)
    working = grid.to_working(CTVolume(np.ascontiguousarray(hu), grid.native)).hu
    assert working.shape == (20, 48, 56)
    assert np.array_equal(working[:, 5, 5], np.arange(20) ** 2)


@pytest.mark.parametrize("spacing_mm", [0.0, -1.0, float("nan")])
def test_a_working_spacing_that_is_not_positive_is_an_error(spacing_mm):
    with pytest.raises(ValueError, match="positive"):
        working_grid(OBLIQUE_SCAN, spacing_mm)


@pytest.mark.parametrize("spacing_mm", [0.8, 1.0, 2.5, 4.0])
def test_a_constant_scan_stays_constant(spacing_mm):
    grid = working_grid(OBLIQUE_SCAN, spacing_mm)
    for value in (-1024, 0, 3071, 32767):
        working = grid.to_working(CTVolume(np.full(OBLIQUE_SCAN.shape, value, np.int16), OBLIQUE_SCAN))
        assert (working.hu == value).all()


def test_a_ramp_of_ten_hu_per_mm_is_exact_on_the_finer_grid():
    geometry = Geometry((12, 10, 10), (2.0, 2.0, 2.0))
    hu = np.broadcast_to(20 * np.arange(12, dtype=np.int16)[:, None, None], geometry.shape)
    working = working_grid(geometry, 1.0).to_working(CTVolume(np.ascontiguousarray(hu), geometry))
    # voxel k of 1 mm lies at (k - 0.5) mm from the center of the first 2 mm voxel: 10 HU per mm
    assert np.array_equal(working.hu[1:-1, 4, 4], 10 * np.arange(1, 23) - 5)
    assert working.hu[0, 4, 4] == 0  # outside the first center: the edge goes on
    assert working.hu[-1, 4, 4] == 220


@pytest.mark.parametrize("spacing_mm", [None, 1.0, 2.5, 4.0])
@pytest.mark.parametrize("direction", [(1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0), OBLIQUE])
def test_all_48_orientations_give_the_same_working_array(spacing_mm, direction):
    shape = (9, 12, 10)
    hu = np.random.default_rng(0).integers(-1000, 1000, shape, dtype=np.int16)
    geometry = Geometry(shape, (1.5, 1.5, 3.0), (1.0, 2.0, 3.0), direction)
    expected = working_grid(geometry, spacing_mm).to_working(CTVolume(hu, geometry))
    for orientation in ORIENTATIONS:
        array, native = stored_as(hu, geometry, orientation)
        working = working_grid(native, spacing_mm).to_working(CTVolume(array, native))
        assert np.array_equal(working.hu, expected.hu)
        assert working.geometry.is_close(expected.geometry, tolerance_voxels=1e-6)


@pytest.mark.parametrize("spacing_mm", [None, 1.0, 2.5])
def test_labels_of_all_48_orientations_come_back_to_the_same_place(spacing_mm):
    geometry = Geometry((12, 20, 22), (1.5, 1.5, 3.0), (1.0, 2.0, 3.0), OBLIQUE)
    grid = working_grid(geometry, spacing_mm)
    target_mm = center_mm(geometry) + (4.0, -3.0, 5.0)
    labels = ball(grid.working, target_mm, 8.0).astype(np.uint8)
    labels[ball(grid.working, target_mm, 5.0)] = Label.TUMOR
    expected = grid.labels_to_native(labels)
    assert np.abs(centroid_mm(expected.labels == Label.TUMOR, geometry) - target_mm).max() < 0.5
    for orientation in ORIENTATIONS:
        stored, native = stored_as(expected.labels, geometry, orientation)
        back = working_grid(native, spacing_mm).labels_to_native(labels)
        assert back.geometry == native
        assert np.array_equal(back.labels, stored)
        apart = centroid_mm(back.labels == Label.TUMOR, native) - centroid_mm(expected.labels == 2, geometry)
        assert np.abs(apart).max() < 1e-3


def test_without_resampling_labels_and_probabilities_come_back_exactly():
    rng = np.random.default_rng(0)
    for orientation in ORIENTATIONS:
        _, native = stored_as(np.zeros((4, 5, 6)), Geometry((4, 5, 6), (1.0, 2.0, 3.0)), orientation)
        grid = working_grid(native, None)
        truth = LabelMap(rng.integers(0, 3, native.shape, dtype=np.uint8), native)
        assert np.array_equal(grid.labels_to_native(grid.labels_to_working(truth)).labels, truth.labels)
        probability = rng.random(grid.working.shape, dtype=np.float32)
        back = grid.probability_to_native(whole(probability, grid)).whole()
        assert np.array_equal(back[tuple(0 for _ in native.shape)], probability[_corner(native, grid.canonical)])
        assert np.array_equal(np.sort(back, axis=None), np.sort(probability, axis=None))


def whole(array, grid):
    """An array of the whole working grid as a part of it."""
    return VolumePart(array, Box((0, 0, 0), grid.working.shape), grid.working)


@pytest.mark.parametrize("spacing_mm", [None, 1.3, 4.0])
def test_the_probability_of_a_part_comes_back_bit_by_bit_as_that_of_a_volume_that_is_zero_around_it(spacing_mm):
    rng = np.random.default_rng(5)
    for orientation in ORIENTATIONS[::7]:
        _, native = stored_as(np.zeros((30, 28, 40)), Geometry((30, 28, 40), (2.0, 1.5, 2.5)), orientation)
        grid = working_grid(native, spacing_mm)
        box = Box((3, 4, 5), tuple(length - 2 for length in grid.working.shape))
        volume = np.zeros(grid.working.shape, np.float32)
        volume[box.slices] = rng.random(box.shape, dtype=np.float32)
        part = VolumePart(volume[box.slices], box, grid.working)
        back = grid.probability_to_native(part).whole()
        assert np.array_equal(back, grid.probability_to_native(whole(volume, grid)).whole())
        assert (back == 0).any()
        assert (back > 0).any()


def _corner(native, canonical):
    """The canonical index of the first voxel of the file."""
    return tuple(int(round(i)) for i in canonical.world_to_index(native.origin_mm))


def test_a_tie_between_two_labels_goes_to_the_lower_one():
    one_slab = Geometry((1, 8, 8), (4.0, 4.0, 4.0))  # one slice, its center between two of the working grid
    for lower, higher in ((0, 1), (0, 2), (1, 2)):
        halves = np.full((2, 16, 16), lower, np.uint8)
        halves[1] = higher
        assert (working_grid(one_slab, 2.0).labels_to_native(halves).labels == lower).all()


def test_no_label_appears_that_was_not_there():
    """Interpolating label values would put a rim of pancreas (1) between background (0) and tumor (2)."""
    native = Geometry((20, 30, 30), (0.8, 0.8, 1.1))
    grid = working_grid(native, 2.5)
    labels = np.zeros(grid.working.shape, np.uint8)
    labels[3:7, 3:7, 3:7] = Label.TUMOR
    assert set(np.unique(grid.labels_to_native(labels).labels)) == {Label.BACKGROUND, Label.TUMOR}


def test_labels_at_the_border_of_the_scan_reach_the_border_of_the_file():
    native = Geometry((10, 11, 12), (0.9, 1.1, 2.0))
    grid = working_grid(native, 1.5)
    everything = np.full(grid.working.shape, Label.PANCREAS, np.uint8)
    assert (grid.labels_to_native(everything).labels == Label.PANCREAS).all()


def test_a_label_between_the_slices_of_the_file_is_on_none_of_them():
    native = Geometry((5, 9, 9), (3.0, 3.0, 9.0))
    grid = working_grid(native, 3.0)
    labels = np.zeros(grid.working.shape, np.uint8)
    labels[5] = Label.PANCREAS  # slices of the file are at 1, 4, 7, ...
    assert not grid.labels_to_native(labels).labels.any()
    labels[4] = Label.TUMOR
    assert (grid.labels_to_native(labels).labels[1] == Label.TUMOR).all()


def test_an_empty_label_map_stays_empty():
    grid = working_grid(OBLIQUE_SCAN, 2.5)
    assert not grid.labels_to_native(np.zeros(grid.working.shape, np.uint8)).labels.any()
    assert not grid.labels_to_working(LabelMap(np.zeros(OBLIQUE_SCAN.shape, np.uint8), OBLIQUE_SCAN)).any()


@pytest.mark.parametrize("native_mm", [(0.8, 0.8, 2.5), (3.0, 3.0, 3.0)])
@pytest.mark.parametrize("spacing_mm", [1.0, 2.5])
def test_a_ball_keeps_its_volume_and_center_to_the_file_and_back(native_mm, spacing_mm):
    shape = tuple(int(90 / mm) for mm in native_mm[::-1])
    native = Geometry(shape, native_mm, (3.0, 4.0, 5.0), OBLIQUE)
    grid = working_grid(native, spacing_mm)
    middle = center_mm(native) + (5.0, 2.0, -4.0)
    labels = ball(grid.working, middle, 20.0).astype(np.uint8)
    on_file = grid.labels_to_native(labels)
    assert on_file.volume_mm3(Label.PANCREAS) == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.04)
    assert np.abs(centroid_mm(on_file.labels > 0, native) - middle).max() < 0.2
    back = grid.labels_to_working(on_file)
    dice = 2 * np.count_nonzero(back & labels) / (np.count_nonzero(back) + np.count_nonzero(labels))
    assert dice > 0.95


def test_probabilities_stay_between_zero_and_one_and_keep_a_constant():
    grid = working_grid(OBLIQUE_SCAN, 2.5)
    for value in (0.0, 0.3, 1.0):
        back = grid.probability_to_native(whole(np.full(grid.working.shape, value, np.float32), grid)).whole()
        assert back.dtype == np.float32
        assert np.abs(back - value).max() < 1e-6
        assert back.max() <= 1.0


def test_arrays_of_another_grid_are_refused():
    grid = working_grid(OBLIQUE_SCAN, 2.5)
    other = Geometry((4, 4, 4), (1.0, 1.0, 1.0))
    with pytest.raises(GeometryMismatch, match="another scan"):
        grid.to_working(CTVolume(np.zeros(other.shape, np.int16), other))
    with pytest.raises(GeometryMismatch, match="another grid"):
        grid.labels_to_working(LabelMap(np.zeros(other.shape, np.uint8), other))
    with pytest.raises(GeometryMismatch, match="working grid"):
        grid.labels_to_native(np.zeros(other.shape, np.uint8))
    with pytest.raises(GeometryMismatch, match="working grid"):
        grid.probability_to_native(VolumePart.empty(np.float32, other))


def test_linear_resampling_agrees_with_itk_on_a_finer_grid():
    geometry = Geometry((9, 10, 11), (2.0, 2.0, 3.0), (1.0, 2.0, 3.0), OBLIQUE)
    hu = np.random.default_rng(0).integers(-1000, 1000, geometry.shape, dtype=np.int16)
    working = working_grid(geometry, 1.0).to_working(CTVolume(hu, geometry))
    image = sitk.GetImageFromArray(hu.astype(np.float32))
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    x, y, z = working.geometry.shape[::-1]
    expected = sitk.GetArrayFromImage(
        sitk.Resample(
            image,
            (x, y, z),
            sitk.Transform(),
            sitk.sitkLinear,
            working.geometry.origin_mm,
            working.geometry.spacing_mm,
            working.geometry.direction,
        )
    )
    inside = (slice(2, -2),) * 3
    assert np.abs(working.hu[inside] - expected[inside]).max() <= 0.5 + 1e-2


def test_real_label_maps_survive_the_way_to_a_1_mm_grid_and_back():
    for case in panorama_cases():
        truth = case.label_map
        grid = working_grid(truth.geometry, 1.0)
        back = grid.labels_to_native(grid.labels_to_working(truth))
        for label in (Label.PANCREAS, Label.TUMOR):
            here, there = truth.labels == label, back.labels == label
            if here.sum() > 500:
                assert 2 * np.count_nonzero(here & there) / (here.sum() + there.sum()) > 0.85, case.row["id"]


def test_a_real_scan_and_its_gland_come_back_in_place():
    if not REAL_CT.exists():
        pytest.skip("../shared/data/real_ct_totalsegmentator_Apache2 is absent")
    image = sitk.ReadImage(str(REAL_CT / "ts_example_pancreas_3mm.nii.gz"))
    geometry = Geometry(image.GetSize()[::-1], image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    gland = LabelMap((sitk.GetArrayFromImage(image) > 0).astype(np.uint8), geometry)
    for spacing_mm in (None, 1.0, 2.5):
        grid = working_grid(geometry, spacing_mm)
        back = grid.labels_to_native(grid.labels_to_working(gland))
        apart = centroid_mm(back.labels > 0, geometry) - centroid_mm(gland.labels > 0, geometry)
        assert np.abs(apart).max() < 0.5
        assert back.count(Label.PANCREAS) == pytest.approx(gland.count(Label.PANCREAS), rel=0.15)


@pytest.mark.parametrize("spacing_mm", [0.9, 3.0])
def test_a_probability_keeps_its_value_on_the_working_grid_and_stays_between_0_and_1(spacing_mm):
    grid = working_grid(OBLIQUE_SCAN, spacing_mm)
    same = grid.probability_to_working(np.full(OBLIQUE_SCAN.shape, 0.3, np.float32))
    assert np.abs(same - 0.3).max() < 1e-6
    rng = np.random.default_rng(0)
    sharp = grid.probability_to_working(rng.integers(0, 2, OBLIQUE_SCAN.shape).astype(np.float32))
    assert 0.0 <= sharp.min() < 0.1
    assert 0.9 < sharp.max() <= 1.0
