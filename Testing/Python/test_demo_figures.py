"""The demo model's card, model.json, README and experiment.json are one set of numbers, made by the code that ships."""

import hashlib
from pathlib import Path

from PDACScreeningLib.evaluation.experiment import read_experiment
from PDACScreeningLib.evaluation.measured_block import short_table, with_block
from PDACScreeningLib.evaluation.model_card import measured_part
from PDACScreeningLib.evaluation.performance import measured_performance
from PDACScreeningLib.network.model_description import read_description

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "Resources" / "Models" / "demo-phantom"
EXPERIMENT = ROOT / "docs" / "experiments" / "demo-phantom" / "experiment.json"


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


def test_the_readme_holds_the_figures_of_the_experiment():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert page == with_block(page, short_table(read_experiment(EXPERIMENT)))
