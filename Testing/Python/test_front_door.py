"""`import PDACScreeningLib as pdac`: what a notebook does, and that it says the same as the command line."""

import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from screening_inputs import write_model, write_scan

import PDACScreeningLib as pdac
from PDACScreeningLib.__main__ import main
from PDACScreeningLib.config import DecisionRule, ScreeningConfig
from PDACScreeningLib.dicom.object_files import DICOM_FILES
from PDACScreeningLib.engines import loading
from PDACScreeningLib.errors import DataError, GeometryMismatch, ModelError, ResultError
from PDACScreeningLib.inference.judgment import Judgment
from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.phantom.generator import generate
from PDACScreeningLib.phantom.specification_draw import random_specification
from PDACScreeningLib.scan_files.image_io import read_ct_file
from PDACScreeningLib.screening_json import to_json
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.given_labels import NO_LABELS, NOT_OURS
from PDACScreeningLib.session.result_folder import LABELS, REPORT, RESULT_FILES, SCREENING, TUMOR_PROBABILITY
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart

ROOT = Path(__file__).resolve().parents[2]
UNLIKE = ("timings_s", "provenance", "files_sha256")  # when it ran


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return write_scan(tmp_path_factory.mktemp("scans") / "ct.nii.gz")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("models") / "TUMOR", Label.TUMOR)


@pytest.fixture(scope="module")
def answer(scan, model):
    return pdac.Screener(model, device="cpu").screen(str(scan), protocol="fast")


def plain(screening):
    return {name: value for name, value in to_json(screening).items() if name not in UNLIKE}


def unsaved(screening):
    """Without what is known of its files only when they are written."""
    return replace(screening, files_sha256={})


def test_importing_the_package_is_light():
    heavy = "{'torch', 'numpy', 'scipy', 'SimpleITK', 'pydicom'} & set(sys.modules)"
    code = f"import sys, PDACScreeningLib as pdac; dir(pdac); sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_every_name_of_the_front_door_is_there_and_a_foreign_one_is_an_attribute_error():
    assert all(getattr(pdac, name) is not None for name in pdac.__all__)
    with pytest.raises(AttributeError, match="Screener2"):
        pdac.Screener2  # noqa: B018


def test_the_answer_is_the_one_of_the_command_line_bit_for_bit(scan, model, answer, tmp_path):
    typed = ["screen", str(scan), "--model", str(model), "--output", str(tmp_path / "typed"), "--protocol", "fast"]
    assert main([*typed, "--device", "cpu"]) == 0
    saved = answer.save(tmp_path / "saved")
    written = json.loads((tmp_path / "typed" / SCREENING).read_text(encoding="utf-8"))
    read = json.loads((saved / SCREENING).read_text(encoding="utf-8"))
    assert {key: value for key, value in read.items() if key not in UNLIKE} == {
        key: value for key, value in written.items() if key not in UNLIKE
    }
    assert read["files_sha256"][LABELS] == written["files_sha256"][LABELS]
    for name in (LABELS, TUMOR_PROBABILITY):
        assert (saved / name).read_bytes() == (tmp_path / "typed" / name).read_bytes(), name


def test_the_answer_says_what_made_it(answer):
    assert answer.screening.outcome is Outcome.SUSPICIOUS
    assert answer.screening.model.name == "TUMOR"
    assert answer.screening.provenance.software.startswith("PDACScreening")
    assert answer.screening.input.kind == "NIfTI"


def test_the_model_is_loaded_once_for_several_scans(scan, model, monkeypatch):
    loaded, load = [], loading.load_engine
    monkeypatch.setattr(loading, "load_engine", lambda folder, *how: loaded.append(folder) or load(folder, *how))
    screener = pdac.Screener(model, device="cpu")
    first, second = (screener.screen(scan, protocol="fast") for _ in range(2))
    assert plain(first.screening) == plain(second.screening)
    assert loaded == [model]


def test_voxels_that_came_from_no_file_pass_the_same_gate_and_get_the_same_answer(scan, model, answer):
    volume = read_ct_file(scan).volume
    given = pdac.Screener(model, device="cpu").screen(volume, protocol="fast")
    assert given.screening.input == replace(answer.screening.input, kind="voxels")
    assert plain(given.screening) | {"input": None} == plain(answer.screening) | {"input": None}


def test_a_scan_that_is_refused_is_an_answer_with_the_reason(tmp_path, model):
    refused = pdac.Screener(model).screen(tmp_path / "absent.nii.gz")
    assert refused.screening.outcome is Outcome.REJECTED
    assert refused.screening.reason
    refused.save(tmp_path / "result")
    assert unsaved(pdac.read_result(tmp_path / "result").screening) == refused.screening


def test_a_damaged_model_is_an_error(tmp_path, scan):
    folder = write_model(tmp_path / "model", Label.TUMOR)
    (folder / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="weights"):
        pdac.Screener(folder).screen(scan)


def test_a_notebook_shows_the_report(answer):
    html = answer._repr_html_()
    assert html.startswith('<iframe sandbox="allow-scripts"')
    assert "Suspicious region found" in html
    assert '"&quot;' not in html.split("srcdoc=", 1)[1][:20]


def test_a_notebook_never_grows_by_more_than_2_mb_a_result():
    """Noise cannot be compressed, and the gland of this scan fills most of it."""
    shape, geometry = (100, 240, 240), Geometry((100, 240, 240), (0.9, 0.9, 2.0))
    hu = np.random.default_rng(0).normal(40, 30, shape).astype(np.int16)
    hu[:, :20] = hu[:, -20:] = -1000
    labels = np.full(shape, Label.BACKGROUND, np.uint8)
    labels[10:90, 40:200, 40:200] = Label.PANCREAS
    labels[40:60, 100:130, 100:130] = Label.TUMOR
    answer = pdac.score_segmentation(CTVolume(hu, geometry), LabelMap(labels, geometry))
    assert 1_000_000 < len(answer._repr_html_()) < 2_000_000


def test_what_is_saved_reads_back(answer, tmp_path):
    again = pdac.read_result(answer.save(tmp_path / "result"))
    assert sorted(path.name for path in (tmp_path / "result").iterdir()) == sorted(RESULT_FILES)
    assert unsaved(again.screening) == answer.screening
    assert sorted(again.screening.files_sha256) == sorted({*RESULT_FILES} - {SCREENING})
    assert np.array_equal(again.label_map.labels, answer.label_map.labels)
    assert again.label_map.geometry.is_close(answer.label_map.geometry)
    assert np.array_equal(again.tumor_probability, answer.tumor_probability)
    for evidence in answer.screening.scales:
        own, read = (found.network_labels.labels_of(evidence.title) for found in (answer, again))
        assert np.array_equal(read.whole(), own.whole())
        assert (own.values == Label.TUMOR).any() == (evidence.tumor_voxels > 0)


@pytest.fixture
def other_scan(tmp_path, answer):
    """What another scan left, on the same grid."""
    labels, ct = answer.label_map, answer.ct
    flipped = replace(labels, labels=np.where(labels.labels > 0, np.uint8(Label.PANCREAS), np.uint8(0)))
    elsewhere = VolumePart.of(np.clip(answer.tumor_probability * np.float32(0.5), 0, 1), labels.geometry)
    facts = replace(answer.screening.input, voxels_sha256="0" * 64)
    names, alone = answer.network_labels.names, VolumePart.of(flipped.labels, flipped.geometry)
    networks = NetworkLabels.of(names, [alone] * len(names))
    other = pdac.Answer(replace(answer.screening, input=facts), ct, flipped, elsewhere, network_labels=networks)
    return other.save(tmp_path / "other")


@pytest.mark.parametrize("name", RESULT_FILES)
def test_a_file_of_another_scan_among_those_of_a_result_is_refused(answer, other_scan, tmp_path, name):
    folder = answer.save(tmp_path / "result")
    (folder / name).write_bytes((other_scan / name).read_bytes())
    with pytest.raises(ResultError, match="belongs to another run or scan"):
        pdac.read_result(folder)


@pytest.mark.parametrize("name", sorted({*RESULT_FILES} - {SCREENING}))
def test_a_file_that_is_missing_or_one_too_many_is_refused(answer, other_scan, tmp_path, name):
    folder = answer.save(tmp_path / "result")
    (folder / name).unlink()
    with pytest.raises(ResultError, match="missing"):
        pdac.read_result(folder)
    alone = pdac.Answer(replace(answer.screening, outcome=Outcome.INDETERMINATE)).save(tmp_path / "alone")
    if name != REPORT:
        (alone / name).write_bytes((other_scan / name).read_bytes())
        with pytest.raises(ResultError, match="another run or scan"):
            pdac.read_result(alone)


def test_a_dicom_object_of_another_run_is_refused(answer, tmp_path):
    folder = answer.save(tmp_path / "result")
    (folder / DICOM_FILES[0]).write_bytes(b"of another patient")
    with pytest.raises(ResultError, match="belongs to another run or scan"):
        pdac.read_result(folder)


@pytest.mark.parametrize("field", ["files_sha256", "result_voxels_sha256"])
def test_a_result_that_does_not_name_its_files_is_refused(answer, tmp_path, field):
    folder = answer.save(tmp_path / "result")
    written = json.loads((folder / SCREENING).read_text(encoding="utf-8"))
    (folder / SCREENING).write_text(json.dumps({**written, field: {}}), encoding="utf-8")
    with pytest.raises(ResultError, match="screening.json"):
        pdac.read_result(folder)


def test_labels_on_another_grid_than_the_scan_are_refused(answer, tmp_path):
    moved = replace(answer.label_map.geometry, origin_mm=(5.0, 0.0, 0.0))
    elsewhere = replace(answer, label_map=replace(answer.label_map, geometry=moved))
    with pytest.raises(ResultError, match="another grid"):
        pdac.read_result(elsewhere.save(tmp_path / "result"))


def test_a_result_without_the_labels_of_each_network_is_read_as_before(answer, tmp_path):
    older = replace(answer, network_labels=None)
    assert pdac.read_result(older.save(tmp_path / "result")).network_labels is None


def test_labels_of_networks_that_the_evidence_does_not_name_are_refused(answer, tmp_path):
    fewer = replace(answer, screening=replace(answer.screening, scales=answer.screening.scales[:1]))
    with pytest.raises(ResultError, match="network_labels.nrrd does not fit"):
        pdac.read_result(fewer.save(tmp_path / "result"))


def test_a_run_that_was_ended_between_its_two_renamings_is_told_of(answer, tmp_path):
    answer.save(tmp_path / "result").rename(tmp_path / ".result.partial")
    with pytest.raises(ResultError, match="nothing is lost"):
        pdac.read_result(tmp_path / "result")


@pytest.mark.parametrize("damage", [b"", b"{}", b"[" * 100_000, b"\xff"], ids=str)
def test_a_damaged_result_is_refused_in_words(answer, tmp_path, damage):
    folder = answer.save(tmp_path / "result")
    (folder / SCREENING).write_bytes(damage)
    with pytest.raises(ResultError, match="screen the scan again"):
        pdac.read_result(folder)


def test_a_folder_without_a_result_is_refused_in_words(tmp_path):
    with pytest.raises(ResultError, match="no result"):
        pdac.read_result(tmp_path)


def test_labels_of_the_networks_are_judged_like_the_networks_own(scan, answer):
    config = ScreeningConfig(working_spacing_mm=None)
    again = pdac.score_segmentation(str(scan), answer.label_map, answer.tumor_probability, config=config)
    for field in fields(Judgment):
        if field.name == "warnings":
            continue  # of the reader and the networks too
        assert getattr(again.screening, field.name) == getattr(answer.screening, field.name), field.name
    assert (again.screening.protocol.name, again.screening.scales) == ("given labels", ())
    assert NOT_OURS in again.screening.warnings


def test_without_probabilities_the_call_rests_on_the_count_and_there_is_no_score(scan, answer, tmp_path):
    config = ScreeningConfig(working_spacing_mm=None)
    counted = pdac.score_segmentation(str(scan), answer.label_map, config=config)
    assert (counted.screening.outcome, counted.screening.score) == (Outcome.SUSPICIOUS, None)
    assert counted.screening.findings[0].mean_tumor_probability is None
    assert unsaved(pdac.read_result(counted.save(tmp_path)).screening) == counted.screening
    strict = replace(config, decision=DecisionRule(10**6))
    few = pdac.score_segmentation(str(scan), answer.label_map, config=strict)
    assert few.screening.rule_call is Outcome.NOT_SUSPICIOUS


def test_empty_labels_are_not_a_normal_result(scan, answer):
    empty = LabelMap(np.zeros_like(answer.label_map.labels), answer.label_map.geometry)
    screening = pdac.score_segmentation(str(scan), empty).screening
    assert (screening.outcome, screening.reason, screening.score) == (Outcome.INDETERMINATE, NO_LABELS, None)


def test_labels_and_probabilities_of_another_scan_are_refused(scan, answer):
    moved = replace(answer.label_map.geometry, origin_mm=(1000.0, 0.0, 0.0))
    with pytest.raises(GeometryMismatch, match="another grid"):
        pdac.score_segmentation(str(scan), LabelMap(answer.label_map.labels, moved))
    with pytest.raises(GeometryMismatch, match="probability"):
        pdac.score_segmentation(str(scan), answer.label_map, np.zeros((2, 2, 2), np.float32))
    with pytest.raises(ValueError, match="between 0 and 1"):
        pdac.score_segmentation(str(scan), answer.label_map, answer.tumor_probability + 1)


def phantom_cases():
    grid = {"shape": (48, 64, 64), "spacing_mm": (5.8, 5.8, 5.0)}
    made = [generate(random_specification(seed, tumor_diameter_mm=30.0, **grid)) for seed in (1, 2)]
    return [(phantom.ct, phantom.labels) for phantom in made]


def test_a_network_is_trained_on_arrays_and_goes_on_where_it_stopped(tmp_path):
    options = {"working_spacing_mm": 5.0, "recipe": "short", "base_width": 2, "iterations": 2, "device": "cpu"}
    end = pdac.train(phantom_cases(), patch_size=16, output=tmp_path / "run", **options)
    assert end.is_finished
    again = pdac.train(phantom_cases(), patch_size=16, output=tmp_path / "run", **options)
    assert again.checkpoint.iteration == 2
    assert (tmp_path / "run" / "16").is_dir()


def test_cases_that_cannot_be_used_are_an_error(tmp_path):
    with pytest.raises(DataError, match="none of the 1 cases"):
        pdac.train([(tmp_path / "ct.nii.gz", tmp_path / "labels.nii.gz")], patch_size=16, output=tmp_path / "run")


def test_a_judgment_has_the_names_of_a_screening():
    assert {field.name for field in fields(Judgment)} <= {field.name for field in fields(Screening)}
