"""Vessels and ducts: pencils of known caliber, tumors that touch a vessel by a known angle, in several orientations."""

import json
from dataclasses import replace

import numpy as np
import pytest
from given_segmentation import TUMOR_BOX, foreign_labels, scan_file, write_labels
from panorama_labels import FOLDER as REAL_PANORAMA

import PDACScreeningLib as pdac
from PDACScreeningLib.__main__ import main
from PDACScreeningLib.errors import GeometryMismatch, ResultError
from PDACScreeningLib.inference.anatomy_measures import (
    _grown,
    largest_caliber_mm,
    largest_contact_degrees,
    longest_contact_mm,
    with_anatomy,
)
from PDACScreeningLib.inference.rescoring import rescore
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.report.plain_summary import plain_summary
from PDACScreeningLib.report.screening_report import report_html
from PDACScreeningLib.scan_files.segmentation_file import read_segmentation
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.result_folder import LABELS
from PDACScreeningLib.session.structure_key import anatomy_of, labels_of, structure_key
from PDACScreeningLib.volume.anatomy import Anatomy, Structure
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart

AXES = {"head to foot": (1, 0, 0), "front to back": (0, 1, 0), "left to right": (0, 0, 1), "oblique": (1, 2, -1.5)}
ORIENTATIONS = {
    "LPS": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    "RAS": (-1, 0, 0, 0, -1, 0, 0, 0, 1),
    "axes exchanged": (0, 0, 1, 1, 0, 0, 0, 1, 0),
}


def world(geometry):
    """(z, y, x, 3) places of all voxels as (x, y, z) LPS mm."""
    return geometry.index_to_world(np.stack(np.indices(geometry.shape), axis=-1).astype(float))


def centered(shape, spacing_mm, direction=ORIENTATIONS["LPS"]):
    """A grid whose middle is the place (0, 0, 0)."""
    geometry = Geometry(shape, spacing_mm, direction=direction)
    middle = geometry.index_to_world(tuple((length - 1) / 2 for length in shape))
    return replace(geometry, origin_mm=tuple(float(-mm) for mm in middle))


def cylinder(geometry, axis_xyz, diameter_mm, length_mm=1e9, shift_mm=(0.0, 0.0, 0.0)):
    axis = np.array(axis_xyz, float) / np.linalg.norm(axis_xyz)
    places = world(geometry) - shift_mm
    along = places @ axis
    apart = np.linalg.norm(places - along[..., None] * axis, axis=-1)
    return (apart <= diameter_mm / 2) & (np.abs(along) <= length_mm / 2)


@pytest.mark.parametrize("spacing_mm", [(0.8, 0.8, 1.0), (0.7, 0.7, 1.5)], ids=str)
@pytest.mark.parametrize("diameter_mm", [3.0, 6.0, 10.0])
@pytest.mark.parametrize("axis", AXES)
def test_the_caliber_of_a_pencil_is_its_diameter(axis, diameter_mm, spacing_mm):
    geometry = centered((40, 50, 50), spacing_mm)
    z, y, x = AXES[axis]
    found = largest_caliber_mm(cylinder(geometry, (x, y, z), diameter_mm, 30.0, (0.2, -0.3, 0.1)), geometry)
    assert found == pytest.approx(diameter_mm, abs=max(spacing_mm))


def test_the_largest_caliber_is_that_of_the_widest_place():
    geometry = centered((40, 60, 60), (0.8, 0.8, 1.0))
    duct = cylinder(geometry, (1, 0, 0), 3.0) | cylinder(geometry, (1, 0, 0), 9.0, 10.0)
    assert largest_caliber_mm(duct, geometry) == pytest.approx(9.0, abs=1.0)
    assert largest_caliber_mm(np.zeros(geometry.shape, bool), geometry) is None


def test_a_duct_that_fills_the_scan_ends_at_its_border():
    assert largest_caliber_mm(np.ones((5, 9, 9), bool), Geometry((5, 9, 9), (1.0, 1.0, 1.0))) == 6.0


def tumor_around(geometry, vessel_mm, degrees, length_mm, turned=20.0):
    """A sleeve around a vessel along z that touches it over an angle and over a length."""
    x, y, z = np.moveaxis(world(geometry), -1, 0)
    angle = np.degrees(np.arctan2(y, x)) - turned
    inside = np.abs((angle + 180) % 360 - 180) <= degrees / 2
    apart = np.hypot(x, y)
    return inside & (apart > vessel_mm / 2) & (apart < vessel_mm / 2 + 6) & (np.abs(z) <= length_mm / 2)


@pytest.mark.parametrize("direction", ORIENTATIONS)
@pytest.mark.parametrize("degrees", [90, 180, 270, 360])
def test_the_angle_of_contact_is_that_of_the_sleeve(degrees, direction):
    geometry = centered((60, 60, 60), (0.7, 0.7, 0.7), ORIENTATIONS[direction])
    vessel = cylinder(geometry, (0, 0, 1), 10.0)
    labels = np.where(tumor_around(geometry, 10.0, degrees, 20.0), np.uint8(Label.TUMOR), np.uint8(0))
    anatomy = Anatomy(vessel * np.uint8(Structure.VEINS), geometry, (Structure.VEINS, Structure.DUCT))
    measured = with_anatomy(Screening(Outcome.FAILED, ""), LabelMap(labels, geometry), anatomy).anatomy
    veins = measured[0]
    assert veins.largest_contact_degrees == pytest.approx(degrees, abs=10)
    chord_mm = 10.0 * np.sin(np.radians(min(degrees, 180) / 2))
    assert veins.longest_contact_mm == pytest.approx(np.hypot(20.0, chord_mm), abs=1.5)
    assert veins.volume_mm3 == pytest.approx(np.pi * 25 * 60 * 0.7, rel=0.03)


def test_pixels_that_are_not_square_do_not_change_the_angle():
    geometry = centered((20, 60, 100), (0.5, 0.9, 1.0))
    vessel = cylinder(geometry, (0, 0, 1), 12.0)
    touched = tumor_around(geometry, 12.0, 120, 6.0, turned=70.0)
    assert largest_contact_degrees(vessel, touched, geometry) == pytest.approx(120, abs=10)


def test_of_two_vessels_each_is_looked_at_by_itself():
    geometry = centered((10, 60, 100), (0.7, 0.7, 1.0))
    far = cylinder(geometry, (0, 0, 1), 10.0, shift_mm=(25.0, 0.0, 0.0))
    vessels = cylinder(geometry, (0, 0, 1), 10.0) | far
    touched = tumor_around(geometry, 10.0, 180, 4.0, turned=180.0)
    assert largest_contact_degrees(vessels, touched, geometry) == pytest.approx(180, abs=10)


def test_a_vessel_in_the_bend_of_another_is_looked_at_by_itself():
    geometry = Geometry((1, 40, 40), (1.0, 1.0, 1.0))
    bent, inner, tumor = (np.zeros(geometry.shape, bool) for _ in range(3))
    bent[0, 2:36, 2:8] = bent[0, 30:36, 2:36] = True
    inner[0, 10:12, 20:22] = True  # too thin for an angle of its own
    tumor[0, 8:14, 22:26] = True
    assert largest_contact_degrees(bent | inner, tumor, geometry) == 0


def test_a_vessel_inside_the_tumor_is_touched_all_around_and_one_apart_not_at_all():
    geometry = centered((20, 40, 40), (1.0, 1.0, 1.0))
    vessel, whole = cylinder(geometry, (0, 0, 1), 6.0), np.ones(geometry.shape, bool)
    assert largest_contact_degrees(vessel, whole, geometry) == 360
    gap = cylinder(geometry, (0, 0, 1), 30.0) & ~cylinder(geometry, (0, 0, 1), 9.0)
    assert largest_contact_degrees(vessel, gap, geometry) == longest_contact_mm(vessel, gap, geometry) == 0
    assert largest_contact_degrees(vessel, ~whole, geometry) == longest_contact_mm(vessel, ~whole, geometry) == 0


def test_a_vessel_thinner_than_three_millimeters_has_no_angle_but_a_contact():
    geometry = centered((20, 40, 40), (0.8, 0.8, 1.0))
    thin = cylinder(geometry, (0, 0, 1), 2.4)
    tumor = cylinder(geometry, (0, 0, 1), 20.0, 10.0) & ~thin
    assert largest_contact_degrees(thin, tumor, geometry) == 0
    assert longest_contact_mm(thin, tumor, geometry) > 9


def test_two_areas_of_contact_are_not_added_up():
    geometry = centered((60, 30, 30), (1.0, 1.0, 1.0))
    vessel = cylinder(geometry, (0, 0, 1), 6.0)
    x, _, z = np.moveaxis(world(geometry), -1, 0)
    tumor = (x > 3) & ((np.abs(z + 20) < 4) | (np.abs(z - 15) < 8)) & ~vessel
    assert longest_contact_mm(vessel, tumor, geometry) == pytest.approx(np.hypot(16, 5), abs=1.5)


# ---- through the door --------------------------------------------------------------------------------------------

KEY = ["tumor=2", "pancreas=1,3", "veins=4", "duct=3", "background=7"]


def stored():
    labels = foreign_labels()
    labels[4:20, 16:19, 19:22] = 4  # a vein that runs along the tumor
    return labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("anatomy")
    scan, labels = scan_file(place), write_labels(place / "labels.nii.gz", stored())
    typed = ["score", str(scan), "--segmentation", str(labels), "--labels", *KEY, "--output", str(place / "out")]
    assert main(typed) == 0
    return place / "out"


def test_the_anatomy_is_kept_beside_pancreas_and_tumor(folder):
    answer = pdac.read_result(folder)
    assert answer.anatomy.looked_at == (Structure.VEINS, Structure.DUCT)
    np.testing.assert_array_equal(answer.anatomy.structures == Structure.VEINS, stored() == 4)
    np.testing.assert_array_equal(answer.anatomy.structures == Structure.DUCT, stored() == 3)
    assert (answer.label_map.labels[stored() == 3] == Label.PANCREAS).all()  # a duct is pancreas too
    names = {(segment.id, segment.layer, segment.number) for segment in read_segmentation(folder / LABELS).segments}
    assert names == {("Pancreas", 0, 1), ("Tumor", 0, 2), ("Veins", 1, 1), ("PancreaticDuct", 1, 3)}


def test_it_is_measured_and_what_the_file_does_not_tell_was_not_looked_at(folder):
    veins, arteries, duct, bile_duct = pdac.read_result(folder).screening.anatomy
    assert (veins.structure, veins.looked_at) == ("veins", True)
    assert veins.longest_contact_mm == pytest.approx(np.hypot(3 * 4.0, 3 * 4.0), abs=4.0)
    assert veins.largest_contact_degrees == pytest.approx(90, abs=1)
    assert duct.largest_caliber_mm == pytest.approx(6 * 4.0, abs=4.0)
    assert not arteries.looked_at
    assert (arteries.volume_mm3, bile_duct.looked_at, bile_duct.largest_caliber_mm) == (None, False, None)


def test_report_and_summary_tell_measures_and_what_was_not_looked_at(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Vessels and ducts" in page
    assert page.count("not looked at") == 2
    assert "not a stage" in page
    summary = plain_summary(pdac.read_result(folder).screening)
    assert "Pancreatic duct: " in summary
    assert "Veins: " in summary
    assert "Arteries" not in summary


def test_without_anatomy_the_report_says_that_vessels_were_not_looked_at(folder):
    screening = replace(pdac.read_result(folder).screening, anatomy=())
    assert "the vessels were not looked at" in report_html(screening, None, None)


def test_a_structure_without_a_voxel_was_looked_for_and_not_found(folder):
    answer = pdac.read_result(folder)
    empty = Anatomy(np.zeros_like(answer.anatomy.structures), answer.anatomy.geometry, tuple(Structure))
    none = with_anatomy(answer.screening, answer.label_map, empty)
    assert all(measures.looked_at and measures.volume_mm3 == 0 for measures in none.anatomy)
    assert report_html(none, None, None).count("none outlined") == 4
    assert none.anatomy[2].largest_caliber_mm is None


def test_an_edited_anatomy_is_not_believed(folder, tmp_path):
    answer = pdac.read_result(folder)
    other = replace(answer.anatomy, structures=np.zeros_like(answer.anatomy.structures))
    saved = replace(answer, anatomy=other).save(tmp_path / "other")
    written = json.loads((folder / "screening.json").read_text(encoding="utf-8"))
    own = json.loads((saved / "screening.json").read_text(encoding="utf-8"))
    own["result_voxels_sha256"] = written["result_voxels_sha256"]
    (saved / "screening.json").write_text(json.dumps(own), encoding="utf-8")
    with pytest.raises(ResultError, match="do not have the voxels"):
        pdac.read_result(saved)


def test_after_editing_contacts_are_not_told(folder):
    answer = pdac.read_result(folder)
    scan = pdac.CTVolume(np.zeros(answer.label_map.geometry.shape, np.int16), answer.label_map.geometry)
    probability = np.zeros(scan.hu.shape, np.float32)
    ai = pdac.score_segmentation(
        str(folder.parent / "DOE_JANE.nii.gz"), answer.label_map, probability, anatomy=answer.anatomy
    )
    edited = answer.label_map.labels.copy()
    edited[TUMOR_BOX] = Label.PANCREAS
    changed = LabelMap(edited, answer.label_map.geometry)
    parts = [VolumePart.of(array, scan.geometry) for array in (answer.label_map.labels, changed.labels, probability)]
    again = rescore(ai.screening, *parts, ai.ct).screening
    assert ai.screening.anatomy[0].longest_contact_mm > 0
    assert (again.anatomy[0].longest_contact_mm, again.anatomy[0].largest_contact_degrees) == (None, None)
    assert again.anatomy[2] == ai.screening.anatomy[2]


def test_an_anatomy_of_another_grid_or_with_foreign_values_is_refused():
    geometry = Geometry((2, 3, 4), (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="2, which was not looked at"):
        Anatomy(np.full(geometry.shape, 2, np.uint8), geometry, (Structure.VEINS,))
    with pytest.raises(GeometryMismatch):
        Anatomy(np.zeros((3, 3, 4), np.uint8), geometry, ())
    anatomy = Anatomy(np.zeros(geometry.shape, np.uint8), geometry, (Structure.VEINS,))
    moved = replace(geometry, origin_mm=(5.0, 0.0, 0.0))
    with pytest.raises(GeometryMismatch):
        with_anatomy(Screening(Outcome.FAILED, ""), LabelMap(np.zeros(geometry.shape, np.uint8), moved), anatomy)


@pytest.mark.parametrize("key", [["tumor=2", "veins=4", "arteries=4"], ["tumor=2", "veins=4", "background=4"]])
def test_a_number_is_not_two_vessels_and_not_background_too(key):
    with pytest.raises(ValueError, match="4 cannot be"):
        structure_key(key)


def test_real_label_maps_of_panorama_are_measured():
    key = structure_key(["tumor=1", "pancreas=4,5", "veins=2", "arteries=3", "duct=5", "bile_duct=6"])
    files = sorted((REAL_PANORAMA / "original").glob("*.nii.gz"))
    if not files:
        pytest.skip("../shared/data/panorama_labels_CC-BY-NC is absent")
    for file in files:
        segmentation = read_segmentation(file)
        labels, anatomy = labels_of(segmentation, key), anatomy_of(segmentation, key)
        measured = with_anatomy(Screening(Outcome.FAILED, ""), labels, anatomy).anatomy
        assert all(measures.looked_at for measures in measured)
        duct = measured[2]
        assert duct.largest_caliber_mm is None or 1 < duct.largest_caliber_mm < 25
        assert all(0 <= vessels.largest_contact_degrees <= 360 for vessels in measured[:2])


def test_a_voxel_is_looked_at_on_each_side_up_to_the_ends_of_the_volume():
    assert _grown(Box((0, 1, 2), (3, 4, 5)), (9, 9, 9)) == Box((0, 0, 1), (4, 5, 6))
    assert _grown(Box((0, 8, 2), (9, 9, 5)), (9, 9, 9)) == Box((0, 7, 1), (9, 9, 6))
