"""`pdac-screening score`: labels of another program are judged like our own, or refused in words."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from given_segmentation import FOREIGN, TUMOR_BOX, foreign_labels, scan_file, write_labels, write_layers

import PDACScreeningLib as pdac
from PDACScreeningLib.__main__ import main
from PDACScreeningLib.config import DecisionRule, ScreeningConfig
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.screening_json import from_json
from PDACScreeningLib.session import answer as screening_files
from PDACScreeningLib.session.given_labels import NOT_OURS
from PDACScreeningLib.session.result_folder import LABELS, REPORT, SCREENING, TUMOR_PROBABILITY
from PDACScreeningLib.volume.label_map import Label, LabelMap

KEY = ("tumor=2", "pancreas=1,3")
GRID = (24, 40, 40)


@pytest.fixture(autouse=True)
def report_without_pictures(monkeypatch):
    """The key images take seconds a run, and other tests make them."""
    write_report = screening_files.write_report
    monkeypatch.setattr(
        screening_files,
        "write_report",
        lambda screening, _ct, _label_map, path: write_report(screening, None, None, path),
    )


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return scan_file(tmp_path_factory.mktemp("scan"))


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return write_labels(tmp_path_factory.mktemp("labels") / "DOE_JANE_seg.nii.gz", foreign_labels())


def score(scan, segmentation, output, *options, key=KEY):
    return main(
        ["score", str(scan), "--segmentation", str(segmentation), "--output", str(output), "--labels", *key, *options]
    )


def result(output):
    return from_json(json.loads((output / SCREENING).read_text()))


def own_labels(scan) -> LabelMap:
    stored = foreign_labels()
    own = np.zeros_like(stored)
    own[np.isin(stored, (FOREIGN["head"], FOREIGN["tail"]))] = Label.PANCREAS
    own[stored == FOREIGN["mass"]] = Label.TUMOR
    return LabelMap(own, read_scan(scan).volume.geometry)


def numbers(screening):
    keep = ("outcome", "reason", "rule_call", "score", "tumor_voxels", "pancreas_voxels", "findings", "protocol")
    return {name: getattr(screening, name) for name in keep}


def test_labels_of_another_program_leave_the_folder_of_a_screening(scan, labels, tmp_path):
    assert score(scan, labels, tmp_path / "out") == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {LABELS, REPORT, SCREENING}
    answer, by_hand = pdac.read_result(tmp_path / "out"), pdac.score_segmentation(str(scan), own_labels(scan))
    assert numbers(answer.screening) == numbers(by_hand.screening)
    assert answer.screening.outcome is Outcome.SUSPICIOUS
    assert answer.screening.score is None
    np.testing.assert_array_equal(answer.label_map.labels, by_hand.label_map.labels)
    assert NOT_OURS in answer.screening.warnings
    assert "In it tumor is 2; pancreas is 1 and 3." in answer.screening.warnings
    assert "Of the segmentation 7 were not named and count as background." in answer.screening.warnings


def test_with_a_probability_there_is_a_score(scan, labels, tmp_path):
    probability = np.zeros(GRID, np.float32)
    probability[TUMOR_BOX] = 0.75
    path = write_labels(tmp_path / "p.nii.gz", probability)
    assert score(scan, labels, tmp_path / "out", "--probability", str(path)) == 0
    by_hand = pdac.score_segmentation(str(scan), own_labels(scan), probability)
    assert result(tmp_path / "out").score == by_hand.screening.score > 0.5
    assert (tmp_path / "out" / TUMOR_PROBABILITY).exists()


@pytest.mark.parametrize("axes", ["RAS", "PIR", "LPS"])
def test_the_order_of_axes_makes_no_difference(scan, labels, tmp_path, axes):
    turned = sitk.DICOMOrient(sitk.ReadImage(str(labels)), axes)
    sitk.WriteImage(turned, str(tmp_path / "turned.nrrd"))
    assert score(scan, tmp_path / "turned.nrrd", tmp_path / "turned") == 0
    assert score(scan, labels, tmp_path / "plain") == 0
    assert numbers(result(tmp_path / "turned")) == numbers(result(tmp_path / "plain"))


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"origin": (8.0, 0.0, 0.0)}, ("lies elsewhere", "4, 4, 4 mm apart from (8, 0, 0)", "from (0, 0, 0)")),
        ({"spacing_mm": 3.0}, ("3, 3, 3 mm apart", "4, 4, 4 mm")),
    ],
)
def test_another_grid_is_refused_with_the_difference(scan, tmp_path, change, difference):
    moved = write_labels(tmp_path / "moved.nii.gz", foreign_labels(), **change)
    assert score(scan, moved, tmp_path / "out") == 4
    ended = result(tmp_path / "out")
    assert ended.outcome is Outcome.REJECTED
    assert all(words in ended.reason for words in difference), ended.reason
    assert "moved" not in ended.reason


def test_another_size_and_another_direction_are_refused_with_the_difference(scan, labels, tmp_path):
    small = write_labels(tmp_path / "small.nii.gz", foreign_labels()[:-1])
    assert score(scan, small, tmp_path / "out") == 4
    assert "40 x 40 x 23 voxels, the scan 40 x 40 x 24" in result(tmp_path / "out").reason
    image = sitk.ReadImage(str(labels))
    cosine, sine = np.cos(np.radians(5)), np.sin(np.radians(5))
    image.SetDirection((cosine, -sine, 0, sine, cosine, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / "turned.nii.gz"))
    assert score(scan, tmp_path / "turned.nii.gz", tmp_path / "turned") == 4
    assert "their axes differ by 5 degrees" in result(tmp_path / "turned").reason


def test_a_number_that_is_not_there_is_no_normal_result(scan, labels, tmp_path):
    assert score(scan, labels, tmp_path / "out", key=("tumor=9", "pancreas=1,3")) == 3
    ended = result(tmp_path / "out")
    assert ended.outcome is Outcome.INDETERMINATE
    assert "is 9, which was named tumor, but it holds 2, 7" in ended.reason


def test_a_file_without_tumor_is_judged_when_all_its_numbers_are_named(scan, tmp_path):
    normal = write_labels(tmp_path / "normal.nii.gz", foreign_labels(tumor=False))
    for key in ((*KEY, "background=7"), (*KEY, "background=others")):
        assert score(scan, normal, tmp_path / "out", key=key) == 0
        assert result(tmp_path / "out").outcome is Outcome.NOT_SUSPICIOUS
    assert score(scan, normal, tmp_path / "out") == 3


def test_segments_of_slicer_are_named(scan, tmp_path, capsys):
    stored = foreign_labels()
    names = [("Head of pancreas", 0, 1), ("Mass", 0, 2), ("Tail", 0, 3)]
    file = write_layers(tmp_path / "one.seg.nrrd", [stored], names)
    assert score(scan, file, tmp_path / "named", key=("tumor=mass", "pancreas=Head of pancreas,Tail")) == 0
    assert score(scan, file, tmp_path / "numbers") == 0
    assert numbers(result(tmp_path / "named")) == numbers(result(tmp_path / "numbers"))
    assert score(scan, file, tmp_path / "out", key=("tumor=Tumor",)) == 4
    assert result(tmp_path / "out").reason == "the segmentation has no segment Tumor"  # names may tell a patient
    assert "it has Head of pancreas, Mass, Tail" in capsys.readouterr().err


def test_segments_that_overlap_are_told_apart(scan, labels, tmp_path):
    stored = foreign_labels()
    gland, mass = (np.isin(stored, numbers).astype(np.uint8) for numbers in ((1, 2, 3), (2,)))
    file = write_layers(tmp_path / "two.seg.nrrd", [gland, mass], [("Pancreas", 0, 1), ("Mass", 1, 1)])
    assert score(scan, file, tmp_path / "two", key=("tumor=Mass", "pancreas=Pancreas")) == 0
    assert score(scan, labels, tmp_path / "one") == 0
    assert numbers(result(tmp_path / "two")) == numbers(result(tmp_path / "one"))
    assert score(scan, file, tmp_path / "out", key=("tumor=1", "pancreas=Pancreas")) == 4
    assert "the number 1 does not say which is meant" in result(tmp_path / "out").reason


def test_a_segment_that_was_not_named_may_be_the_tumor(scan, tmp_path):
    stored = foreign_labels()
    layers = [(stored == 1).astype(np.uint8), (stored == 2).astype(np.uint8), np.zeros_like(stored)]
    segments = [("Pancreas", 0, 1), ("Lesion", 1, 1), ("Tumor", 2, 1)]
    file = write_layers(tmp_path / "three.seg.nrrd", layers, segments)
    assert score(scan, file, tmp_path / "out", key=("tumor=Tumor", "pancreas=Pancreas")) == 3
    assert "but it holds 1 segment, which" in result(tmp_path / "out").reason


def test_the_result_says_on_which_grid_k_counts_and_what_volume_it_is(scan, labels, tmp_path):
    told = {}
    for name, options in {
        "1 mm": (),
        "native": ("--working-spacing-mm", "native", "--k", "10"),
        "model": ("--count-like", "demo-phantom"),
    }.items():
        assert score(scan, labels, tmp_path / name, *options) == 0
        told[name] = result(tmp_path / name)
    assert "grid of 1 x 1 x 1 mm, where K is 0.05 mL (50 voxels)" in " ".join(told["1 mm"].warnings)
    assert "grid of 4 x 4 x 4 mm, where K is 0.64 mL (10 voxels)" in " ".join(told["native"].warnings)
    assert "grid of 2.5 x 2.5 x 2.5 mm, where K is 0.78 mL (50 voxels)" in " ".join(told["model"].warnings)
    assert "0.78 mL (50 voxels) or more are called suspicious" in told["model"].reason
    config = replace(ScreeningConfig(working_spacing_mm=None), decision=DecisionRule(10))
    assert numbers(told["native"]) == numbers(
        pdac.score_segmentation(str(scan), own_labels(scan), config=config).screening
    )


@pytest.mark.parametrize("wrong", [-0.25, 1.5, np.nan], ids=str)
def test_what_is_no_probability_is_refused(scan, labels, tmp_path, wrong):
    probability = np.full(GRID, 0.5, np.float32)
    probability[0, 0, 0] = wrong
    path = write_labels(tmp_path / "p.nii.gz", probability)
    assert score(scan, labels, tmp_path / "out", "--probability", str(path)) == 4
    assert "between 0 and 1" in result(tmp_path / "out").reason


def test_values_between_labels_and_dicom_objects_are_refused_in_words(scan, tmp_path):
    soft = write_labels(tmp_path / "soft.nii.gz", foreign_labels().astype(np.float32) / 2)
    assert score(scan, soft, tmp_path / "out") == 4
    assert "3.5, which is no whole number" in result(tmp_path / "out").reason
    (tmp_path / "seg.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 100)
    assert score(scan, tmp_path / "seg.dcm", tmp_path / "out") == 4
    assert "DICOM, but no segmentation object" in result(tmp_path / "out").reason


@pytest.mark.parametrize(
    "key",
    [("pancreas=1",), ("tumor=2", "pancreas=2"), ("tumor=2", "tumor=3"), ("tumor",), ("tumor=2", "spleen=4")],
    ids=" ".join,
)
def test_a_key_that_says_nothing_is_a_mistake_of_usage(scan, labels, tmp_path, capsys, key):
    assert score(scan, labels, tmp_path / "out", key=key) == 2
    assert "--labels" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over_an_input(scan, labels, tmp_path):
    assert score(scan, tmp_path / "absent.nii.gz", tmp_path / "out") == 2
    inside = write_labels(tmp_path / LABELS.replace(".seg.nrrd", ".nrrd"), foreign_labels()).rename(tmp_path / LABELS)
    assert score(scan, inside, tmp_path) == 2
    assert score(scan, labels, tmp_path / "x", "--count-like", "demo-phantom", "--k", "3") == 2


def test_no_output_names_a_file_of_the_patient(scan, labels, tmp_path):
    assert score(scan, labels, tmp_path / "out") == 0
    for path in (tmp_path / "out").iterdir():
        assert b"DOE" not in path.read_bytes()
