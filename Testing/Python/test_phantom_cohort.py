"""Cohorts of phantoms: the same bytes however they are made, going on after an interruption, seeds that never meet."""

import dataclasses
import json

import pytest

from PDACScreeningLib.errors import Cancelled, DataError
from PDACScreeningLib.phantom import cohort as cohort_module
from PDACScreeningLib.phantom.cohort import CohortSpec, case_specifications, generate_cohort
from PDACScreeningLib.phantom.generator import generate

COHORT = CohortSpec(cases=3, pdac_fraction=0.34, seed=2, shape=(48, 64, 64), spacing_mm=(5.8, 5.8, 5.8))


@pytest.fixture(scope="module")
def cohort_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    generate_cohort(COHORT, folder)
    return folder


def all_bytes(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_cohort_lists_its_cases(cohort_folder):
    listing = json.loads((cohort_folder / "cohort.json").read_text())
    assert [case["id"] for case in listing["cases"]] == ["phantom-2000000", "phantom-2000001", "phantom-2000002"]
    assert sum(case["has_tumor"] for case in listing["cases"]) == 1
    for case in listing["cases"]:
        assert (case["facts"]["tumor_voxels"] > 0) == case["has_tumor"] == (case["tumor_diameter_mm"] is not None)


def test_bytes_do_not_depend_on_the_number_of_processes(cohort_folder, tmp_path):
    generate_cohort(COHORT, tmp_path, jobs=2)
    assert all_bytes(tmp_path) == all_bytes(cohort_folder)


def test_finished_cases_are_kept_and_missing_ones_made(cohort_folder, tmp_path, monkeypatch):
    copied = all_bytes(cohort_folder)
    for name, content in copied.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "phantom-2000001" / "phantom.json").unlink()
    made = []
    real = cohort_module.write_phantom
    monkeypatch.setattr(
        cohort_module, "write_phantom", lambda spec, folder: made.append(folder.name) or real(spec, folder)
    )
    generate_cohort(COHORT, tmp_path)
    assert made == ["phantom-2000001"]
    assert all_bytes(tmp_path) == copied


def test_a_cancelled_cohort_goes_on_later(cohort_folder, tmp_path):
    def stop_after_one(progress):
        if progress.done == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        generate_cohort(COHORT, tmp_path, on_progress=stop_after_one)
    assert not (tmp_path / "cohort.json").exists()
    seen = []
    generate_cohort(COHORT, tmp_path, on_progress=seen.append)
    assert [progress.done for progress in seen] == [1, 2, 3]
    assert all_bytes(tmp_path) == all_bytes(cohort_folder)


@pytest.mark.parametrize("change", [{"seed": 3}, {"cases": 2}, {"variant": "shifted"}, {"shape": (48, 64, 65)}])
def test_a_folder_with_another_cohort_is_left_as_it_is(cohort_folder, change):
    before = all_bytes(cohort_folder)
    with pytest.raises(DataError, match="holds a cohort of other cases, seed or grid"):
        generate_cohort(dataclasses.replace(COHORT, **change), cohort_folder)
    assert all_bytes(cohort_folder) == before


def test_cohorts_never_share_a_body():
    seeds = [
        {spec.seed for spec in case_specifications(CohortSpec(50, seed=seed, variant=variant))}
        for seed in (0, 1)
        for variant in ("in-distribution", "shifted")
    ]
    assert len(set.union(*seeds)) == 200


def test_shifted_cases_have_less_contrast_more_noise_and_thick_slices():
    for spec in case_specifications(CohortSpec(4, seed=1, variant="shifted")):
        assert spec.acquisition.phase == 0.5
        assert spec.acquisition.noise_hu >= 12
        assert spec.spacing_mm == (2.9, 2.9, 5.0)
        assert spec.shape == (48, 128, 128)


@pytest.mark.parametrize(
    "change", [{"cases": 0}, {"pdac_fraction": 1.5}, {"seed": -1}, {"variant": "real"}, {"cases": 600_000}]
)
def test_an_impossible_cohort_is_refused(change):
    with pytest.raises(ValueError, match="got"):
        dataclasses.replace(COHORT, **change)


RANGED = CohortSpec(cases=40, seed=3, phase=(0.2, 0.6), noise_hu=(20, 27), slice_mm=(2.5, 5.0), gland_fat=(0.3, 0.6))


def test_ranges_replace_what_is_drawn_and_nothing_else():
    ranged, usual = case_specifications(RANGED), case_specifications(CohortSpec(cases=40, seed=3))
    for new, old in zip(ranged, usual, strict=True):
        assert (new.body, new.tumor, new.confounders) == (old.body, old.tumor, old.confounders)
        assert 0.2 <= new.acquisition.phase <= 0.6
        assert 20 <= new.acquisition.noise_hu <= 27
        assert 2.5 <= new.spacing_mm[2] <= 5.0
        assert new.shape[0] * new.spacing_mm[2] == pytest.approx(old.shape[0] * old.spacing_mm[2], abs=2.5)
        assert dataclasses.replace(new.gland, fat_threshold=old.gland.fat_threshold) == old.gland
        assert -0.26 <= new.gland.fat_threshold <= 0.53  # 60 % and 30 % of a unit normal field lie above
    assert max(spec.acquisition.phase for spec in ranged) > 0.55
    assert len({spec.spacing_mm[2] for spec in ranged}) > 30


def test_more_gland_fat_makes_a_darker_gland():
    grid = {"shape": (48, 64, 64), "spacing_mm": (5.8, 5.8, 5.8), "cases": 2, "pdac_fraction": 0.0, "seed": 5}
    brightness = []
    for fat in (0.02, 0.6):
        phantoms = [generate(spec) for spec in case_specifications(CohortSpec(**grid, gland_fat=(fat, fat)))]
        brightness.append([phantom.ct.hu[phantom.labels.labels == 1].mean() for phantom in phantoms])
    assert all(fatty < lean - 5 for lean, fatty in zip(*brightness, strict=True))


@pytest.mark.parametrize(
    "change",
    [{"phase": (0.6, 0.2)}, {"phase": (0, 2)}, {"gland_fat": (0, 0.5)}, {"slice_mm": (0.1, 5)}, {"noise_hu": (-1, 5)}],
)
def test_ranges_that_make_no_phantom_are_refused(change):
    with pytest.raises(ValueError, match=f"range of {next(iter(change))}"):
        CohortSpec(cases=2, **change)
    with pytest.raises(ValueError, match="own values"):
        CohortSpec(cases=2, variant="shifted", phase=(0.2, 0.6))


def test_a_cohort_of_before_there_were_ranges_goes_on(cohort_folder, tmp_path):
    for name, content in all_bytes(cohort_folder).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    listing = json.loads((tmp_path / "cohort.json").read_text())
    for name in ("phase", "noise_hu", "slice_mm", "gland_fat"):
        del listing["cohort"][name]
    (tmp_path / "cohort.json").write_text(json.dumps(listing))
    generate_cohort(COHORT, tmp_path)
    with pytest.raises(DataError, match="holds a cohort of other cases"):
        generate_cohort(dataclasses.replace(COHORT, phase=(0.2, 0.6)), tmp_path)
