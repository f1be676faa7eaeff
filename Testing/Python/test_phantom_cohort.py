"""Cohorts of phantoms: the same bytes however they are made, going on after an interruption, seeds that never meet."""

import dataclasses
import json

import pytest

from PDACScreeningLib.errors import Cancelled, DataError
from PDACScreeningLib.phantom import cohort as cohort_module
from PDACScreeningLib.phantom.cohort import CohortSpec, case_specifications, generate_cohort

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
