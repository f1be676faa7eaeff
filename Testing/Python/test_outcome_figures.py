"""What an evaluation says a reader is told is what `screen` tells."""

from dataclasses import replace

import numpy as np
import pytest
from fake_network import ConstantNetwork, DecodingNetwork, coded
from made_experiment import CASES, setting
from nnunet_thresholds import import_thresholds, known_scan
from readings import reading

from PDACScreeningLib.config import DecisionRule, ScaleSpec, ScreeningConfig
from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.evaluation.case_result import read_case
from PDACScreeningLib.evaluation.experiment import experiment
from PDACScreeningLib.evaluation.outcome_figures import outcome_figures, outcome_of
from PDACScreeningLib.evaluation.report_document import document
from PDACScreeningLib.evaluation.report_markdown import to_markdown
from PDACScreeningLib.evaluation.settings import ReadingSettings
from PDACScreeningLib.inference.engine import CoarseToFine
from PDACScreeningLib.inference.screening import doubt_about, screen_with
from PDACScreeningLib.network.runtime import resolve_device
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.training_range import TrainingRange
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.working_grid import working_grid

GEOMETRY = Geometry((48, 48, 48), (2.0, 2.0, 2.0))
CONFIG = ScreeningConfig(scales=(ScaleSpec(16, 8, 1, (1.0,)), ScaleSpec(8, 4, 1, (1.0,))), working_spacing_mm=2.0)
RULE = CONFIG.decision
GLAND = (slice(10, 30),) * 3
LIKE_THIS = TrainingRange(3, (90.0, 110.0), (0.0, 1.0), 2.0)
FAR_BRIGHTER = TrainingRange(3, (150.0, 160.0), (0.0, 1.0), 2.0)
THINNER_SLICES = TrainingRange(3, (90.0, 110.0), (0.0, 1.0), 1.0)


def labels(*parts, gland=GLAND):
    found = np.zeros(GEOMETRY.shape, np.uint8)
    found[gland] = Label.PANCREAS
    for part in parts:
        found[part] = Label.TUMOR
    return found


TUMOR, SPECK = (slice(12, 20),) * 3, (slice(44, 47), slice(44, 48), slice(40, 46))
SCANS = {
    "a tumor": (labels(TUMOR), LIKE_THIS),
    "a tumor in a scan unlike the training": (labels(TUMOR), FAR_BRIGHTER),
    "no tumor": (labels(), LIKE_THIS),
    "too little pancreas": (labels(gland=(slice(10, 18),) * 3), LIKE_THIS),
    "a gland that leaves the scan": (labels(gland=(slice(0, 25), *GLAND[1:])), LIKE_THIS),
    "much tumor left out": (labels(SPECK), LIKE_THIS),
    "a brighter training": (labels(), FAR_BRIGHTER),
    "a training on thinner slices": (labels(), THINNER_SLICES),
    "no scan of the training is known": (labels(), None),
}


@pytest.mark.parametrize("name", [*SCANS, "nothing"])
def test_an_evaluation_tells_what_a_screening_tells(name):
    seen, trained_on = SCANS.get(name, SCANS["no tumor"])
    coarse = ConstantNetwork(0.9, 0.05, 0.05) if name == "nothing" else DecodingNetwork()
    engine = CoarseToFine({16: coarse, 8: DecodingNetwork()}, CONFIG, training_range=trained_on)
    ct, truth = coded(seen, GEOMETRY), LabelMap(seen, GEOMETRY)
    screening = screen_with(ct, engine).screening
    read = read_case("a", ct, seen, engine, ReadingSettings(), native_truth=truth, working_spacing_mm=2.0).result
    assert outcome_of(read, RULE) is screening.outcome
    if screening.outcome is Outcome.INDETERMINATE:
        assert screening.reason.startswith(read.doubt)
    expected = {"a tumor", "a tumor in a scan unlike the training"}
    assert (screening.outcome is Outcome.SUSPICIOUS) is (name in expected)
    assert (screening.outcome is Outcome.NOT_SUSPICIOUS) is (name in {"no tumor", "no scan of the training is known"})


def test_the_counts_by_pencil_and_a_doubt_that_does_not_undo_a_call():
    cases = [
        reading("called", diameter_mm=30, voxels=60, score=0.6),
        replace(reading("called in doubt", diameter_mm=30, voxels=60, score=0.6), doubt="It leaves the scan."),
        reading("missed", diameter_mm=12),
        replace(reading("missed in doubt", diameter_mm=12), doubt="It leaves the scan."),
        reading("none"),
        replace(reading("none in doubt"), doubt="It leaves the scan."),
        reading("false alarm", voxels=60, score=0.6),
    ]
    figures = outcome_figures([replace(one, doubt=one.doubt or "") for one in cases], RULE)
    ends = ("suspicious", "not_suspicious", "indeterminate")
    assert [getattr(figures.with_tumor, end).count for end in ends] == [2, 1, 1]
    assert [getattr(figures.without_tumor, end).count for end in ends] == [1, 1, 1]
    assert figures.without_tumor.suspicious.total == 3


def test_the_report_counts_the_outcomes_and_lists_why_a_scan_is_not_assessable():
    doubted = [replace(case, doubt="It leaves the scan." if case.case_id == "p2" else "") for case in CASES]
    page = to_markdown(document(experiment(setting(), doubted)))
    told = page[page.index("## What a reader is told") :]
    assert "| with a tumor | 1/2 = 50.0 % (9.5-90.5) | 0/2 = 0.0 % (0.0-65.8) | 1/2 = 50.0 % (9.5-90.5) |" in told
    assert "| without a tumor | 1/2 = 50.0 % (9.5-90.5) | 1/2 = 50.0 % (9.5-90.5) | 0/2 = 0.0 % (0.0-65.8) |" in told
    assert "Not assessable (1)" in told
    assert "| p2 | yes | It leaves the scan. |" in told
    assert "readings of an earlier version" in to_markdown(document(experiment(setting(), CASES)))


def test_the_rule_of_the_day_decides_and_not_that_of_the_reading():
    one = replace(reading("a", diameter_mm=30, voxels=60, score=0.6), doubt="It leaves the scan.")
    assert outcome_of(one, RULE) is Outcome.SUSPICIOUS
    assert outcome_of(one, DecisionRule(min_score=0.7)) is Outcome.INDETERMINATE


def test_readings_of_an_earlier_version_do_not_know():
    assert outcome_figures([reading("a")], RULE) is None


def test_the_point_that_the_authors_of_a_model_publish_stands_against_a_negative(tmp_path):
    """27 voxels of 8 mm3 lie below the K of 400 mm3, and are a sure lesion candidate."""
    engine = load_engine(import_thresholds(tmp_path, published_score=0.5), resolve_device("cpu", "fp32")).engine
    doubts = {}
    for size in (3, 0):
        ct = known_scan((size,) * 3)
        working = working_grid(ct.geometry, engine.config.working_spacing_mm).to_working(ct)
        segmentation = engine.segment(working, ignore_progress)
        doubts[size] = doubt_about(segmentation, working, engine, ct.geometry.spacing_mm)
    assert doubts[3].endswith("the scan is called.")
    assert doubts[0] == ""
