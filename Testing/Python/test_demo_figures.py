"""The demo model's card, model.json, README and experiment.json are one set of numbers, made by the code that ships."""

import hashlib
from pathlib import Path

import pytest

from PDACScreeningLib.evaluation.experiment import read_experiment
from PDACScreeningLib.evaluation.measured_block import BEGIN, END, short_table, with_block
from PDACScreeningLib.evaluation.model_card import measured_part
from PDACScreeningLib.evaluation.performance import measured_performance
from PDACScreeningLib.network.model_description import read_description

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "Resources" / "Models" / "demo-phantom"
EXPERIMENT = ROOT / "docs" / "experiments" / "demo-phantom" / "experiment.json"
PAGES = (ROOT / "README.md", MODEL / "MODEL_CARD.md")

measured = pytest.mark.skipif(
    read_description(MODEL).measured is None,
    reason="measured by an earlier version, as its pages say",
)


@measured
def test_model_json_holds_the_figures_of_the_experiment():
    found, description = read_experiment(EXPERIMENT), read_description(MODEL)
    sha256 = hashlib.sha256(EXPERIMENT.read_bytes()).hexdigest()
    expected = measured_performance(found, description.weights_sha256, sha256, description.config.decision)
    assert description.measured == expected
    assert description.measured.these_weights
    assert description.performance == expected.sentence(is_demo=True)


@measured
def test_the_card_holds_the_figures_of_the_experiment():
    card = (MODEL / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card == with_block(card, measured_part(read_description(MODEL), read_experiment(EXPERIMENT)))


@measured
def test_the_readme_holds_the_figures_of_the_experiment():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert page == with_block(page, short_table(read_experiment(EXPERIMENT)))


@pytest.mark.skipif(read_description(MODEL).measured is not None, reason="the figures are those of this version")
def test_pages_with_figures_of_an_earlier_version_say_so():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert "Measured with an earlier version" in text.split(BEGIN)[1].split(END)[0]
