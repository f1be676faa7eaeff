"""Whole scans during a training: false alarms of normals count, which no patch around a tumor can show."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from fake_network import DecodingNetwork, coded
from small_store import SPACING_MM, small_store, store_case
from training_lives import tiny_run

from PDACScreeningLib.config import ValidationSpec
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.journal import JOURNAL
from PDACScreeningLib.training.scan_validation import counts_of_scan, figures, no_counts, scans_to_watch
from PDACScreeningLib.training.store_index import write_index
from PDACScreeningLib.training.trainer import train


def facts(number, *, tumor):
    return SimpleNamespace(facts=SimpleNamespace(case_id=number, tumor_voxels=5 if tumor else 0))


def kinds(cases):
    return [case.facts.tumor_voxels > 0 for case in cases]


@pytest.mark.parametrize(
    ("tumors", "normals", "wanted", "expected"), [(9, 9, 4, 2), (9, 9, 5, 3), (1, 9, 4, 1), (9, 1, 4, 3), (2, 1, 9, 2)]
)
def test_half_of_the_watched_scans_have_a_tumor_where_there_are_enough(tumors, normals, wanted, expected):
    cases = [*(facts(i, tumor=True) for i in range(tumors)), *(facts(i, tumor=False) for i in range(normals))]
    watched = scans_to_watch(cases, wanted, seed=3)
    assert sum(kinds(watched)) == expected
    assert len(watched) == min(wanted, tumors + normals)
    assert watched == scans_to_watch(cases, wanted, seed=3)


def judged(tmp_path, *scans):
    """Figures of a network that segments `seen` where `truth` is right; scans: pairs (seen, truth)."""
    cases = [store_case(tmp_path, f"case-{i}", coded(seen).hu, truth) for i, (seen, truth) in enumerate(scans)]
    write_index(tmp_path, SPACING_MM, "test", cases)
    run = tiny_run(tmp_path / "run", iterations=1, checkpoint_every=1)
    config = replace(run.config.screening, roi_margin_voxels=8)
    counts = no_counts()
    for case in CaseStore(tmp_path).cases:
        counts += counts_of_scan(case, DecodingNetwork(), run.scale, config)
    return figures(counts)


def gland(*, tumor_at=None):
    """A block of 10 x 20 x 20 voxels, with a tumor of 4 x 5 x 5 = 100 at a place along it."""
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[15:25, 10:30, 10:30] = 1
    if tumor_at is not None:
        labels[18:22, tumor_at : tumor_at + 5, 12:17] = 2
    return labels


def test_a_tumor_found_a_tumor_missed_and_a_normal_left_alone(tmp_path):
    with_tumor = gland(tumor_at=12)
    seen = judged(tmp_path, (with_tumor, with_tumor), (gland(), with_tumor), (gland(), gland()))
    assert (seen.with_tumor, seen.called, seen.called_and_overlapping) == (2, 1, 1)
    assert (seen.without_tumor, seen.false_alarms) == (1, 0)
    assert seen.tumor_dice == pytest.approx(2 * 100 / (100 + 200))
    assert seen.mean_dice == pytest.approx((seen.pancreas_dice + seen.tumor_dice) / 2)


def test_a_false_alarm_counts_and_costs_dice(tmp_path):
    with_tumor = gland(tumor_at=12)
    seen = judged(tmp_path, (with_tumor, with_tumor), (with_tumor, gland()))
    assert (seen.without_tumor, seen.false_alarms) == (1, 1)
    assert seen.tumor_dice == pytest.approx(2 * 100 / (200 + 100))


def test_a_call_beside_the_tumor_is_called_but_does_not_overlap(tmp_path):
    seen = judged(tmp_path, (gland(tumor_at=24), gland(tumor_at=12)))
    assert (seen.called, seen.called_and_overlapping) == (1, 0)


def test_a_training_writes_them_down_and_keeps_the_best_of_them(tmp_path):
    store = small_store(tmp_path / "store", cases=8)
    run = tiny_run(
        tmp_path / "run", iterations=4, checkpoint_every=2, validation=ValidationSpec(2, patient_share=0.5, scans=3)
    )
    end = train(run, store)
    lines = [json.loads(line) for line in (tmp_path / "run" / JOURNAL).read_text().splitlines()]
    told = {line["iteration"] + 1: line for line in lines if "validation_scans" in line}
    assert set(told) == {2, 4}
    first = told[2]["validation_scans"]
    assert (first["with_tumor"], first["without_tumor"]) == (2, 1)
    mean = (first["pancreas_dice"] + first["tumor_dice"]) / 2
    assert told[2]["validation_dice"] == pytest.approx(mean, abs=1e-6)
    assert end.best.mean_dice == pytest.approx(max(line["validation_dice"] for line in told.values()), abs=1e-6)
