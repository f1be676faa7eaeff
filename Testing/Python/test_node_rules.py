"""Which series are screened: every rule, its border, and what nobody said."""

import pytest
from dicom_slices import SHAPE, write_series
from multi_frame_ct import multi_frame_dataset, write_multi_frame
from node_parts import images
from stored_scans import body_hu

from PDACScreeningLib.node.config import Rules
from PDACScreeningLib.node.rules import SeriesFacts, read_facts, refusal

VENOUS = SeriesFacts(
    200, (2.0,), frozenset({"ABDOMEN PORTAL VENOUS 2.0"}), frozenset({"ABDOMEN"}), frozenset({"ORIGINAL", "AXIAL"})
)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (Rules(), ""),
        (Rules(min_images=200), ""),
        (Rules(min_images=201), "200 images, fewer than rules.min_images 201"),
        (Rules(max_thickness_mm=2.0), ""),
        (Rules(max_thickness_mm=1.9), "2 mm thick, more than rules.max_thickness_mm 1.9"),
        (Rules(description_contains=("arterial", "venous")), ""),
        (Rules(description_contains=("arterial",)), "rules.description_contains"),
        (Rules(description_excludes=("lung",)), ""),
        (Rules(description_excludes=("Portal",)), "rules.description_excludes"),
        (Rules(body_parts=("abdomen", "pelvis")), ""),
        (Rules(body_parts=("head",)), "rules.body_parts"),
        (Rules(image_type_excludes=("axial",)), "rules.image_type_excludes"),
    ],
)
def test_a_rule_refuses_in_words_that_name_its_key(rules, words):
    said = refusal(rules, VENOUS)
    assert words in said
    assert bool(said) == bool(words)


def test_what_no_image_says_fulfils_no_wish_and_breaks_no_limit():
    silent = SeriesFacts(200)
    assert refusal(Rules(), silent) == ""
    assert refusal(Rules(description_contains=("venous",)), silent)
    assert refusal(Rules(body_parts=("abdomen",)), silent)


def test_the_words_of_rules_are_no_programs():
    hostile = ("__import__('os').system('true')", "(", "*", "%s", "")
    for word in hostile[:-1]:
        assert refusal(Rules(description_contains=(word,)), VENOUS)
        assert not refusal(Rules(description_excludes=(word,)), VENOUS)


def test_the_facts_are_those_of_all_images_and_not_of_the_first(tmp_path):
    slices = images()
    slices[7].SliceThickness = 8.0
    slices[9].SeriesDescription = "lung"
    facts = read_facts(sorted(write_series(tmp_path / "ct", slices).iterdir()))
    assert (facts.images, facts.thicknesses_mm) == (SHAPE[0], (3.0, 8.0))
    assert facts.descriptions == {"PORTAL VENOUS 2.0", "LUNG"}


def test_the_frames_of_a_file_count_as_images_and_damaged_files_do_no_harm(tmp_path):
    dataset = multi_frame_dataset(body_hu(SHAPE), [(0.0, 0.0, 3.0 * z) for z in range(SHAPE[0])])
    write_multi_frame(tmp_path / "frames.dcm", dataset)
    assert read_facts([tmp_path / "frames.dcm"]).images == SHAPE[0]
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 200)
    (tmp_path / "odd.dcm").write_bytes((tmp_path / "frames.dcm").read_bytes()[:700])
    assert read_facts(sorted(tmp_path.iterdir())).images >= 2
