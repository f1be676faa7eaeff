"""Parts of a volume say what the whole says, and the working grid makes of a part what it makes of the whole."""

import numpy as np
import pytest

from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.orientation import canonical_orientation
from PDACScreeningLib.volume.part import VolumePart
from PDACScreeningLib.volume.working_grid import working_grid

GRID = Geometry((20, 30, 40), (0.8, 0.9, 1.7), (-12.0, 30.0, 5.0))
TURNED = Geometry((20, 30, 40), (0.8, 0.9, 1.7), (1.0, 2.0, 3.0), (0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 0.0))


def gland(*, start=(4, 8, 11)):
    """(z, y, x) of pancreas with tumor in it."""
    labels = np.zeros(GRID.shape, np.uint8)
    z, y, x = start
    labels[z : z + 9, y : y + 12, x : x + 17] = Label.PANCREAS
    labels[z + 2 : z + 5, y + 3 : y + 9, x + 4 : x + 9] = Label.TUMOR
    return labels


def test_a_part_is_the_box_of_what_is_not_zero():
    part = VolumePart.of(gland(), GRID)
    assert part.box == Box((4, 8, 11), (13, 20, 28))
    assert np.array_equal(part.whole(), gland())
    assert np.array_equal(part.inside(Box((0, 0, 0), (6, 10, 40))), gland()[:6, :10])
    assert part.inside(Box((18, 0, 0), (20, 5, 5))).sum() == 0
    assert part.part_geometry == GRID.cropped(part.box)


def test_a_volume_without_anything_is_a_part_too():
    nothing = VolumePart.of(np.zeros(GRID.shape, np.float32), GRID)
    assert nothing.whole().shape == GRID.shape
    assert nothing.sha256() == voxels_sha256(np.zeros(GRID.shape, np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_digest_of_a_part_is_that_of_the_whole(dtype):
    whole = gland().astype(dtype) / dtype(2) if dtype is np.float32 else gland()
    assert VolumePart.of(whole, GRID).sha256() == voxels_sha256(whole)


def test_a_part_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="box says"):
        VolumePart(np.zeros((1, 1, 1)), Box((0, 0, 0), (1, 1, 2)), GRID)
    with pytest.raises(ValueError, match="beyond"):
        VolumePart(np.zeros((1, 1, 41)), Box((0, 0, 0), (1, 1, 41)), GRID)


def test_boxes_of_boxes():
    outer, inner = Box((2, 3, 4), (9, 9, 9)), Box((1, 1, 1), (2, 3, 4))
    assert inner.within(outer) == Box((3, 4, 5), (4, 6, 8))
    assert inner.within(outer).relative_to(outer) == inner
    assert outer.shared(Box((0, 0, 0), (3, 4, 5))) == Box((2, 3, 4), (3, 4, 5))
    assert outer.shared(Box((0, 0, 0), (2, 9, 9))) is None
    assert inner.around(outer) == Box((1, 1, 1), (9, 9, 9))


@pytest.mark.parametrize("grid", [GRID, TURNED], ids=["straight", "turned"])
def test_a_box_keeps_its_voxels_in_the_canonical_orientation(grid):
    box, orientation = Box((1, 2, 3), (7, 11, 19)), canonical_orientation(grid)
    voxels = np.arange(np.prod(grid.shape)).reshape(grid.shape)
    canonical = orientation.canonical_box(box, grid)
    assert orientation.native_box(canonical, grid) == box
    part = orientation.to_canonical(voxels)[canonical.slices]
    assert np.array_equal(part, orientation.to_canonical(voxels[box.slices]))


@pytest.mark.parametrize("spacing_mm", [1.0, 2.3, None])
@pytest.mark.parametrize("grid", [GRID, TURNED], ids=["straight", "turned"])
def test_the_working_grid_makes_the_same_of_a_part_bit_by_bit(grid, spacing_mm):
    rng = np.random.default_rng(0)
    ct = CTVolume(rng.integers(-1000, 300, grid.shape, np.int16), grid)
    probability = np.zeros(grid.shape, np.float32)
    probability[2:18, 3:28, 5:39] = rng.random((16, 25, 34), np.float32)
    both = working_grid(grid, spacing_mm)
    drawn = both.labels_part_to_working(VolumePart.of(gland(), grid))
    assert np.array_equal(drawn.whole(), both.labels_to_working(LabelMap(gland(), grid)))
    assert np.array_equal(both.ct_part_to_working(ct, drawn.box).hu, both.to_working(ct).hu[drawn.box.slices])
    part = both.probability_part_to_working(VolumePart.of(probability, grid), drawn.box)
    assert np.array_equal(part, both.probability_to_working(probability)[drawn.box.slices])
    planes = both.working_planes(ct)
    assert np.array_equal([planes[z] for z in range(len(planes))], both.to_working(ct).hu)
    back = both.labels_part_to_native(VolumePart.of(drawn.whole(), both.working))
    assert np.array_equal(back.whole(), both.labels_to_native(drawn.whole()).labels)


def test_labels_of_several_networks_in_one_byte_come_apart_again():
    first, second = gland(), gland(start=(8, 10, 20))
    nothing = VolumePart.empty(np.uint8, GRID)
    packed = NetworkLabels.of(
        ("64^3", "32^3", "16^3"), [VolumePart.of(first, GRID), VolumePart.of(second, GRID), nothing]
    )
    assert np.array_equal(packed.labels_of("64^3").whole(), first)
    assert np.array_equal(packed.labels_of("32^3").whole(), second)
    assert packed.labels_of("16^3").whole().sum() == 0


def test_the_folds_of_an_ensemble_take_more_than_a_byte():
    drawn = [VolumePart.of(np.roll(gland(), shift, axis=2), GRID) for shift in range(7)]
    packed = NetworkLabels.of([f"fold {number}" for number in range(7)], drawn)
    assert packed.packed.values.dtype == np.uint16
    for number, part in enumerate(drawn):
        assert np.array_equal(packed.labels_of(f"fold {number}").whole(), part.whole())


@pytest.mark.parametrize(("names", "value"), [("a", 3), ("ab", 16), ("", 0), ("aa", 0), ("abcde", 0), ("a" * 17, 0)])
def test_numbers_that_are_no_labels_of_these_networks_are_refused(names, value):
    part = VolumePart(np.full((1, 1, 1), value, np.uint8), Box((0, 0, 0), (1, 1, 1)), GRID)
    with pytest.raises(ValueError, match="networks"):
        NetworkLabels(tuple(names), part)
