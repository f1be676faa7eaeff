"""A scan unlike those of the training is told as such, and a negative of it is not believed."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from fake_network import DecodingNetwork, coded
from sample_screenings import INPUT
from small_store import small_case, small_store, store_case

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.inference.engine import CoarseToFine
from PDACScreeningLib.inference.rescoring import rescore
from PDACScreeningLib.inference.screening import screen_with
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.session.answer import Answer, bound
from PDACScreeningLib.training import store_range as store_range_module
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.store_index import write_index
from PDACScreeningLib.training.store_range import NOTHING_KNOWN, learned_range, store_range
from PDACScreeningLib.training_range import UNLIKE, ScanTraits, TrainingRange, scan_traits, training_range
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.part import VolumePart

SEEN = TrainingRange(scans=40, gland_hu=(70.0, 120.0), noise_hu=(8.0, 20.0), coarsest_mm=2.5)
LIKE = ScanTraits(gland_hu=95.0, noise_hu=12.0, coarsest_mm=2.5)
CONFIG = ScreeningConfig(working_spacing_mm=None)
GEOMETRY = Geometry((100, 96, 96), (1.0, 1.0, 1.0))


def gland_of(hu, noise, shape=(30, 30, 30)):
    """labels, hu: a cube of pancreas with noise of a known standard deviation, in a darker one."""
    labels = np.zeros(shape, np.uint8)
    labels[5:25, 5:25, 5:25] = Label.PANCREAS
    values = np.where(labels, hu, -80) + np.random.default_rng(0).normal(0, noise, shape)
    return labels, values.round().astype(np.int16)


@pytest.mark.parametrize("noise", [5.0, 12.0, 27.0])
def test_brightness_and_noise_are_those_that_were_put_in(noise):
    found = scan_traits(*gland_of(95, noise), (0.7, 0.7, 5.0))
    assert found.gland_hu == pytest.approx(95, abs=1)
    assert found.noise_hu == pytest.approx(noise, rel=0.05)
    assert found.coarsest_mm == 5.0


def test_a_vessel_and_a_tumor_in_the_gland_change_neither():
    labels, hu = gland_of(95, 12.0)
    hu[10:12, 5:25, 14:16] += 150
    labels[15:20, 15:20, 15:20] = Label.TUMOR
    hu[labels == Label.TUMOR] -= 60
    found = scan_traits(labels, hu, None)
    assert found.gland_hu == pytest.approx(95, abs=1)
    assert found.noise_hu == pytest.approx(12, rel=0.06)
    assert found.coarsest_mm is None


def test_of_no_gland_nothing_is_known_and_of_a_few_voxels_no_noise():
    nothing = np.zeros((4, 4, 4), np.uint8)
    assert scan_traits(nothing, nothing.astype(np.int16), None) == ScanTraits(None, None, None)
    nothing[1, 1, 1:3] = Label.PANCREAS
    assert scan_traits(nothing, nothing.astype(np.int16), None) == ScanTraits(1.0, None, None)
    assert SEEN.unlike(ScanTraits(None, None, None)) == ""


@pytest.mark.parametrize(
    ("scan", "told"),
    [
        (LIKE, None),
        (replace(LIKE, gland_hu=61.0, noise_hu=23.0, coarsest_mm=2.9), None),  # within the room that is left
        (replace(LIKE, coarsest_mm=0.5), None),  # finer voxels are averaged
        (replace(LIKE, gland_hu=-16.0), "a pancreas of -16 HU (70 to 120 HU there)"),
        (replace(LIKE, gland_hu=140.0), "a pancreas of 140 HU (70 to 120 HU there)"),
        (replace(LIKE, noise_hu=31.0), "noise of 31 HU (8 to 20 HU there)"),
        (replace(LIKE, noise_hu=5.0), "noise of 5 HU (8 to 20 HU there)"),
        (replace(LIKE, coarsest_mm=5.0), "voxels of 5 mm (2.5 mm at most there)"),
    ],
)
def test_what_lies_outside_is_named_with_both_numbers(scan, told):
    assert SEEN.unlike(scan) == (
        f"{UNLIKE}, this one has {told}: how well it works there is not known." if told else ""
    )


def test_several_are_told_in_one_sentence():
    said = SEEN.unlike(ScanTraits(30.0, 31.0, 5.0))
    assert all(words in said for words in ("30 HU", "31 HU", "5 mm"))
    assert said.count(UNLIKE) == 1


def test_a_range_of_scans_that_tell_nothing_is_none():
    assert training_range([ScanTraits(None, None, 1.0)]) is None
    assert training_range([LIKE, replace(LIKE, coarsest_mm=None)]).coarsest_mm is None


def drawn(tumor_voxels=0):
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[35:65, 35:65, 35:65] = Label.PANCREAS  # 27 mL; `coded` gives it 100 HU without noise
    labels[45, 45 : 45 + tumor_voxels // 10, 45:55] = Label.TUMOR
    return labels


def answered(labels, seen, geometry=GEOMETRY):
    """Screened by a model with this range."""
    engine = CoarseToFine({scale.patch_size: DecodingNetwork() for scale in CONFIG.scales}, CONFIG, None, seen)
    return screen_with(coded(labels, geometry), engine)


QUIET = TrainingRange(scans=9, gland_hu=(80.0, 120.0), noise_hu=(0.0, 1.0), coarsest_mm=1.0)


def test_a_negative_of_a_scan_unlike_the_training_is_not_believed():
    assert answered(drawn(), None).screening.outcome is Outcome.NOT_SUSPICIOUS
    assert answered(drawn(), QUIET).screening.outcome is Outcome.NOT_SUSPICIOUS
    dark = replace(QUIET, gland_hu=(20.0, 60.0))
    answer = answered(drawn(), dark).screening
    assert (answer.outcome, answer.rule_call) == (Outcome.INDETERMINATE, Outcome.NOT_SUSPICIOUS)
    assert answer.reason.startswith(f"{UNLIKE}, this one has a pancreas of 100 HU (20 to 60 HU there)")
    assert answer.protocol.training_range == dark


def test_a_suspicious_scan_stays_so_with_the_warning():
    answer = answered(drawn(60), replace(QUIET, gland_hu=(20.0, 60.0))).screening
    assert answer.outcome is Outcome.SUSPICIOUS
    assert any(warning.startswith(UNLIKE) for warning in answer.warnings)


def test_the_slices_that_count_are_the_scans_own():
    thick = Geometry(GEOMETRY.shape, (1.0, 1.0, 1.5))
    assert "voxels of 1.5 mm (1 mm at most there)" in answered(drawn(), QUIET, thick).screening.reason


@pytest.mark.parametrize("seen", [QUIET, replace(QUIET, gland_hu=(20.0, 60.0))])
def test_edited_segments_are_measured_anew_and_say_it_once(seen):
    ct, ai_labels = coded(drawn(60), GEOMETRY), drawn(60)
    found = answered(ai_labels, seen)
    known = replace(found.screening, input=replace(INPUT, voxels_sha256=voxels_sha256(ct.hu)))
    ai = bound(Answer(known, ct, found.label_map, found.probability)).screening
    edited = drawn(60)
    edited[40, 40, 40:44] = Label.BACKGROUND
    arrays = (found.label_map.labels, edited, found.tumor_probability)
    again = rescore(ai, *(VolumePart.of(array, GEOMETRY) for array in arrays), ct).screening
    assert sum(warning.startswith(UNLIKE) for warning in again.warnings) == (seen is not QUIET)


def test_a_store_is_measured_by_its_true_labels(tmp_path):
    stored = [store_case(tmp_path, f"case-{i}", *small_case(i, tumor=i == 0)) for i in range(3)]
    write_index(tmp_path, 2.0, "tiny test cases", stored)
    seen = store_range(CaseStore(tmp_path), ignore_progress)
    assert seen.scans == 3
    assert seen.gland_hu == (pytest.approx(120, abs=1), pytest.approx(120, abs=1))
    assert seen.noise_hu == (pytest.approx(5, abs=0.5), pytest.approx(5, abs=0.5))
    assert seen.coarsest_mm is None  # the scans' own grids are not kept here


def test_a_store_in_which_nothing_could_be_measured_is_told(tmp_path, monkeypatch):
    small_store(tmp_path, cases=2)
    networks = SimpleNamespace(training={"64": {"store_sha256": CaseStore(tmp_path).sha256}})
    told = []
    monkeypatch.setattr(store_range_module, "store_range", lambda *_: None)
    assert learned_range(networks, tmp_path, None, ignore_progress, told.append) is None
    assert told == [NOTHING_KNOWN]
