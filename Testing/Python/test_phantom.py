"""The phantom generator: determinism, honest labels, anatomy that does not depend on the grid."""

import dataclasses
import json
from functools import lru_cache

import numpy as np
import pytest
from scipy import ndimage

from PDACScreeningLib.errors import WriteError
from PDACScreeningLib.phantom.generator import generate
from PDACScreeningLib.phantom.phantom_files import is_finished, write_phantom
from PDACScreeningLib.phantom.specification import PhantomSpec
from PDACScreeningLib.phantom.specification_draw import random_diameter_mm, random_specification
from PDACScreeningLib.scan_files import image_io
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.volume.label_map import Label

TINY_SHAPE = (48, 64, 64)
TINY_SPACING_MM = (5.8, 5.8, 5.8)
SIX_NEIGHBORS = ndimage.generate_binary_structure(3, 1)


def tiny(seed, diameter_mm=None, **overrides):
    return random_specification(
        seed, tumor_diameter_mm=diameter_mm, shape=TINY_SHAPE, spacing_mm=TINY_SPACING_MM, **overrides
    )


@lru_cache(maxsize=32)
def phantom_of(spec):
    """Tests that only look share their phantoms."""
    return generate(spec)


@pytest.fixture(scope="module")
def normal():
    return generate(random_specification(11))


@pytest.fixture(scope="module")
def pdac():
    return generate(random_specification(12, tumor_diameter_mm=40.0))


def middle_mm(phantom, mask):
    """Mean world position (x, y, z) of a mask."""
    return phantom.ct.geometry.index_to_world(np.argwhere(mask).mean(axis=0))


def test_same_seed_gives_the_same_bytes():
    first, second = (generate(tiny(3, 35.0)) for _ in range(2))
    assert first.ct.hu.tobytes() == second.ct.hu.tobytes()
    assert first.labels.labels.tobytes() == second.labels.labels.tobytes()
    assert first.facts == second.facts


def test_another_seed_gives_another_body():
    assert (phantom_of(tiny(3)).ct.hu != phantom_of(tiny(4)).ct.hu).any()


def test_a_normal_case_has_no_tumor_voxel(normal):
    assert normal.labels.count(Label.TUMOR) == 0
    assert normal.facts.tumor_max_diameter_mm == 0
    assert normal.facts.tumor_hu_below_gland is None


@pytest.mark.parametrize("seed", range(5))
def test_gland_and_tumor_are_one_component_and_touch(seed):
    labels = phantom_of(tiny(seed, 45.0)).labels.labels
    assert ndimage.label(labels > 0, SIX_NEIGHBORS)[1] == 1
    around_tumor = ndimage.binary_dilation(labels == Label.TUMOR, SIX_NEIGHBORS)
    assert (around_tumor & (labels == Label.PANCREAS)).any()


def test_the_gland_is_of_human_size(normal, pdac):
    assert 30 < normal.facts.pancreas_ml < 160
    assert 15 < pdac.facts.pancreas_ml < 150


def test_facts_count_the_label_map(pdac):
    voxel_ml = 2.9 * 2.9 * 2.5 / 1000
    assert pdac.facts.tumor_voxels == int((pdac.labels.labels == 2).sum())
    assert pdac.facts.tumor_ml == pytest.approx(pdac.facts.tumor_voxels * voxel_ml, abs=1e-3)
    assert pdac.facts.pancreas_ml == pytest.approx(pdac.facts.pancreas_voxels * voxel_ml, abs=1e-3)


@pytest.mark.parametrize(("seed", "diameter_mm"), [(21, 15.0), (22, 32.0), (24, 80.0)])
def test_the_tumor_has_about_the_diameter_asked_for(seed, diameter_mm):
    phantom = generate(random_specification(seed, tumor_diameter_mm=diameter_mm))
    assert phantom.facts.tumor_max_diameter_mm == pytest.approx(diameter_mm, rel=0.2)


@pytest.mark.parametrize("diameter_mm", [None, 40.0])
def test_anatomy_does_not_depend_on_the_grid(diameter_mm):
    coarse = generate(random_specification(12, tumor_diameter_mm=diameter_mm))
    fine = generate(
        random_specification(12, tumor_diameter_mm=diameter_mm, shape=(160, 192, 192), spacing_mm=(1.9, 1.9, 1.5))
    )
    assert fine.facts.pancreas_ml == pytest.approx(coarse.facts.pancreas_ml, rel=0.05)
    assert fine.facts.tumor_ml == pytest.approx(coarse.facts.tumor_ml, rel=0.08)
    apart_mm = middle_mm(fine, fine.labels.labels > 0) - middle_mm(coarse, coarse.labels.labels > 0)
    assert np.abs(apart_mm).max() < 1.0


def test_a_tumor_leaves_the_rest_of_the_person_alone():
    normal, ill = tiny(5), tiny(5, 30.0)
    assert dataclasses.replace(ill, tumor=None) == normal


def test_liver_is_right_spine_is_posterior_and_air_is_outside():
    phantom = generate(random_specification(31, phase=1.0, noise_hu=0.0))
    hu = phantom.ct.hu
    bone = middle_mm(phantom, hu > 250)
    z, y, x = np.meshgrid(*(np.arange(length) for length in hu.shape), indexing="ij")
    inside = ndimage.binary_erosion((hu > 70) & (hu < 170), iterations=3)  # only the liver is that thick
    parts, _ = ndimage.label(inside)
    largest = np.bincount(parts.ravel())[1:].argmax() + 1
    liver = middle_mm(phantom, parts == largest)
    gland = middle_mm(phantom, phantom.labels.labels == Label.PANCREAS)
    assert liver[0] < -20  # x to the patient's left
    assert bone[1] > gland[1]  # y to the back
    corner = (y < 4) & (x < 4) & (z >= 0)
    assert np.abs(hu[corner] + 1000).max() < 30


def test_head_is_right_of_the_tail():
    for seed in (3, 4):
        labels = phantom_of(tiny(seed)).labels.labels == Label.PANCREAS
        columns = np.flatnonzero(labels.any(axis=(0, 1)))
        assert 15 <= columns.mean() <= 50  # near the midline
        assert np.ptp(columns) * 5.8 > 75  # it runs across


def test_tumor_is_darker_than_the_gland_in_most_cases():
    below = [phantom_of(tiny(seed, 45.0)).facts.tumor_hu_below_gland for seed in range(5)]
    assert np.median(below) > 3


def test_phase_and_noise_replace_the_drawn_values():
    drawn, native, loud = tiny(3), tiny(3, phase=0.0), tiny(3, noise_hu=60.0)
    assert native.acquisition.phase == 0
    assert dataclasses.replace(native, acquisition=drawn.acquisition) == drawn
    quiet_hu, native_hu, loud_hu = (phantom_of(spec).ct.hu.astype(float) for spec in (drawn, native, loud))
    gland = phantom_of(drawn).labels.labels == Label.PANCREAS
    assert native_hu[gland].mean() < quiet_hu[gland].mean() - 20
    air = np.s_[:, :3, :]
    assert loud_hu[air].std() > 2 * quiet_hu[air].std()


def test_a_tall_volume_is_the_same_person_seen_further():
    short = phantom_of(tiny(4))
    tall = generate(random_specification(4, shape=(96, 64, 64), spacing_mm=TINY_SPACING_MM))
    assert tall.facts.pancreas_ml == pytest.approx(short.facts.pancreas_ml, rel=0.1)
    assert (tall.ct.hu[0] > -300).any()
    assert (tall.ct.hu[-1] > -300).any()


def test_confounders_are_as_frequent_in_both_kinds_of_cases():
    specs = [random_specification(seed, tumor_diameter_mm=None if seed % 2 else 30.0) for seed in range(400)]
    for kind in (0, 1):
        share = np.mean(["focal_fat" in spec.confounders for spec in specs if spec.seed % 2 == kind])
        assert 0.2 < share < 0.4


def test_diameters_follow_the_published_distribution():
    drawn = np.array([random_diameter_mm(stream(index, "diameter test")) for index in range(800)])
    assert np.median(drawn) == pytest.approx(32, abs=2.5)
    assert drawn.min() >= 12.5
    assert drawn.max() <= 95


def test_specification_survives_json():
    for spec in (tiny(8), tiny(8, 22.0)):
        assert PhantomSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    "change",
    [
        {"seed": -1},
        {"shape": (48, 64)},
        {"shape": (4, 64, 64)},
        {"spacing_mm": (0.0, 1.0, 1.0)},
        {"confounders": ("stent",)},
    ],
)
def test_an_impossible_specification_is_refused(change):
    with pytest.raises(ValueError, match="must|unknown"):
        dataclasses.replace(tiny(1), **change)


@pytest.mark.parametrize("diameter_mm", [3.0, 500.0])
def test_an_impossible_tumor_is_refused(diameter_mm):
    with pytest.raises(ValueError, match="tumor diameter"):
        tiny(1, diameter_mm)


def test_specification_of_another_version_is_refused():
    content = {**tiny(1).to_json(), "generator_version": "0.1"}
    with pytest.raises(ValueError, match=r"0\.1"):
        PhantomSpec.from_json(content)


def test_files_read_back_and_are_equal_for_equal_seeds(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    spec = tiny(9, 40.0)
    stages = []
    phantom = write_phantom(spec, tmp_path / "a", stages.append)
    write_phantom(spec, tmp_path / "b")
    for name in ("ct.nii.gz", "labels.nii.gz", "phantom.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    image = sitk.ReadImage(str(tmp_path / "a" / "ct.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(image), phantom.ct.hu)
    assert image.GetOrigin() == pytest.approx(phantom.ct.geometry.origin_mm, abs=1e-3)
    assert image.GetSpacing() == pytest.approx(TINY_SPACING_MM, abs=1e-4)
    assert [stage.done for stage in stages] == [0, 1, 2]
    assert is_finished(spec, tmp_path / "a")
    assert not is_finished(tiny(10), tmp_path / "a")


def test_a_writer_that_drops_voxels_is_caught(tmp_path, monkeypatch):
    spec = tiny(9)
    write_phantom(spec, tmp_path)
    real = image_io.sitk.WriteImage

    def writes_zeros(image, path, useCompression):  # noqa: N803 - the name is SimpleITK's
        real(image * 0, path, useCompression=useCompression)

    monkeypatch.setattr(image_io.sitk, "WriteImage", writes_zeros)
    with pytest.raises(WriteError, match="read back"):
        write_phantom(spec, tmp_path)
    assert not is_finished(spec, tmp_path)
