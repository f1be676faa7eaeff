"""The demo model's card, model.json, README and experiment.json are one set of numbers, made by the code that ships."""

import hashlib
import json
from pathlib import Path

import pytest

from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.evaluation.case_result import read_case
from PDACScreeningLib.evaluation.experiment import read_experiment
from PDACScreeningLib.evaluation.measured_block import short_table, with_block
from PDACScreeningLib.evaluation.model_card import measured_part
from PDACScreeningLib.evaluation.performance import measured_performance
from PDACScreeningLib.network.model_description import read_description
from PDACScreeningLib.network.runtime import resolve_device
from PDACScreeningLib.phantom.cohort import CohortSpec, case_id, case_specifications
from PDACScreeningLib.phantom.generator import generate
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.volume.working_grid import working_grid

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "Resources" / "Models" / "demo-phantom"
EXPERIMENTS = ROOT / "docs" / "experiments"
EXPERIMENT = EXPERIMENTS / "demo-phantom" / "experiment.json"
COHORT = CohortSpec(200, seed=13)  # of the experiment


def test_model_json_holds_the_figures_of_the_experiment():
    found, description = read_experiment(EXPERIMENT), read_description(MODEL)
    sha256 = hashlib.sha256(EXPERIMENT.read_bytes()).hexdigest()
    expected = measured_performance(found, description.weights_sha256, sha256, description.config.decision)
    assert description.measured == expected
    assert description.measured.these_weights
    assert description.performance == expected.sentence(is_demo=True)


def test_the_card_holds_the_figures_of_the_experiment():
    card = (MODEL / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card == with_block(card, measured_part(read_description(MODEL), read_experiment(EXPERIMENT)))


@pytest.mark.parametrize("folder", [ROOT, EXPERIMENTS / "phantom"], ids=["front page", "cross-validation"])
def test_a_page_holds_the_figures_of_its_experiment(folder):
    """.ci/write_measured_figures.py writes them."""
    page = (folder / "README.md").read_text(encoding="utf-8")
    experiment = EXPERIMENT if folder == ROOT else folder / "experiment.json"
    assert page == with_block(page, short_table(read_experiment(experiment)))


@pytest.mark.parametrize("side", ["64", "32", "16"])
def test_the_journals_beside_the_figures_are_those_of_the_model(side):
    first = (EXPERIMENT.parent / "training" / f"{side}.jsonl").read_text(encoding="utf-8").partition("\n")[0]
    started, description = json.loads(first)["started"], read_description(MODEL)
    told, config = description.training[side], started["config"]
    for name in ("torch", "precision", "store_sha256", "cases"):
        assert started[name] == told[name], name
    assert (str(config["iterations"]), str(config["seed"])) == (told["iterations"], told["seed"])
    assert config["screening"] == to_plain(description.config)


def test_the_code_that_ships_gives_them_still():
    """A phantom made and read anew; processors round differently."""
    found = read_experiment(EXPERIMENT)
    told = next(case for case in found.cases if case.rows["Multi"].tumor_voxels > 10 * found.setting.min_tumor_voxels)
    phantom = generate(next(spec for spec in case_specifications(COHORT) if case_id(spec) == told.case_id))
    engine = load_engine(MODEL, resolve_device("cpu")).engine
    grid = working_grid(phantom.ct.geometry, engine.config.working_spacing_mm)
    truth = grid.labels_to_working(phantom.labels)
    read = read_case(told.case_id, grid.to_working(phantom.ct), truth, engine, found.setting.reading).result
    assert read.true_tumor_voxels == told.true_tumor_voxels
    assert list(read.rows) == list(told.rows)
    for name, row in told.rows.items():
        assert read.rows[name].tumor_voxels == pytest.approx(row.tumor_voxels, rel=0.02, abs=5), name
        assert read.rows[name].tumor.dice == pytest.approx(row.tumor.dice, abs=0.01), name
        assert read.rows[name].pancreas.dice == pytest.approx(row.pancreas.dice, abs=0.01), name
        assert read.rows[name].score == pytest.approx(row.score, abs=0.01), name
