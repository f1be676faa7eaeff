"""Key images show the right place, say where it is, and keep the CT apart from the outlines."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sample_screenings import FINDINGS, sample_scan
from stored_scans import ORIENTATIONS, stored_as

from PDACScreeningLib.report import key_images
from PDACScreeningLib.report.annotation import scale_bar_mm
from PDACScreeningLib.report.image_plane import AXIAL, VIEWS, ImagePlane, sample_label
from PDACScreeningLib.report.image_target import image_targets, labeled_part
from PDACScreeningLib.report.key_images import ct_picture, key_image_sets
from PDACScreeningLib.report.outline import CASING_RGB, LINES, edge_distance, outlines
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

BLUE, ORANGE = (86, 180, 233), (230, 159, 0)


@pytest.fixture(autouse=True)
def _small_pictures(monkeypatch):
    monkeypatch.setattr(key_images, "PIXELS", 160)


def opened(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def has_color(overlay, rgb):
    return bool(np.any(np.all(overlay[..., :3] == rgb, axis=-1) & (overlay[..., 3] == 255)))


def test_a_finding_is_shown_in_three_planes_whole_and_close_up():
    (images,) = key_image_sets(*sample_scan(), FINDINGS[:1])
    assert [image.caption for image in images.images] == [
        "Axial slice",
        "Coronal slice",
        "Sagittal slice",
        "Axial close-up",
        "Coronal close-up",
        "Sagittal close-up",
    ]
    assert images.target == "finding 1"
    assert images.voxel_xyz == (18, 12, 12)  # ((6 + 30) / 2, (-1 + 25) / 2, (130 - 100) / 2.5)
    for image in images.images:
        assert opened(image.picture_png).shape == (160, 160)  # gray: the CT alone, no color burned in
        assert has_color(opened(image.outlines_png), BLUE)
        assert has_color(opened(image.outlines_png), ORANGE)


def test_further_findings_get_one_close_up_each():
    first, second = key_image_sets(*sample_scan(), FINDINGS)
    assert first.target == "finding 1, the largest"
    assert [image.caption for image in second.images] == ["Axial close-up"]
    assert second.point_lps_mm == FINDINGS[1].inside_lps_mm


def test_without_findings_the_pancreas_is_shown_without_orange():
    ct, label_map = sample_scan()
    labels = np.where(label_map.labels == Label.TUMOR, np.uint8(Label.PANCREAS), label_map.labels)
    (images,) = key_image_sets(ct, LabelMap(labels, label_map.geometry), ())
    assert images.target == "the pancreas"
    assert has_color(opened(images.images[0].outlines_png), BLUE)
    assert not has_color(opened(images.images[0].outlines_png), ORANGE)


def test_without_labels_the_middle_of_the_scan_is_shown():
    ct, label_map = sample_scan()
    empty = LabelMap(np.zeros_like(label_map.labels), label_map.geometry)
    for nothing in (None, empty):
        (images,) = key_image_sets(ct, nothing, ())
        assert images.target == "the middle of the scan"
        assert len(images.images) == 3
        assert all(image.outlines_png is None for image in images.images)


@pytest.mark.parametrize("stored", ORIENTATIONS[5::14])
def test_every_orientation_of_a_scan_gives_the_same_pictures(stored):
    ct, label_map = sample_scan()
    turned_hu, geometry = stored_as(ct.hu, ct.geometry, stored)
    turned_labels, _ = stored_as(label_map.labels, ct.geometry, stored)
    (expected,) = key_image_sets(ct, label_map, FINDINGS[:1])
    (images,) = key_image_sets(CTVolume(turned_hu, geometry), LabelMap(turned_labels, geometry), FINDINGS[:1])
    for one, other in zip(images.images, expected.images, strict=True):
        apart = np.abs(opened(one.picture_png).astype(int) - opened(other.picture_png))
        assert np.mean(apart > 1) < 0.002
        assert np.mean(opened(one.outlines_png) != opened(other.outlines_png)) < 0.01
        assert one.description == other.description


def test_window_400_level_40():
    hu = np.array([[[-1000, -160, 40, 240, 3000]]], np.int16)
    ct = CTVolume(hu, Geometry((1, 1, 5), (1.0, 1.0, 1.0)))
    row = np.asarray(ct_picture(ct, ImagePlane(AXIAL, (2.0, 0.0, 0.0), 5.0, 5)))[2]
    assert row.tolist() == [0, 0, 128, 255, 255]


def test_words_for_those_who_do_not_see_the_picture():
    (images,) = key_image_sets(*sample_scan(), FINDINGS[:1])
    words = images.images[0].description
    assert words.startswith("Axial slice of the CT through finding 1, 72 mm wide; left is R, right is L, top is A")


@pytest.mark.parametrize("stored", ORIENTATIONS[3::11])
def test_only_the_part_of_a_picture_that_can_hold_a_label_is_looked_at_and_nothing_is_missed(stored):
    _, label_map = sample_scan()
    tumor = np.where(label_map.labels == Label.TUMOR, label_map.labels, np.uint8(Label.BACKGROUND))
    labeled = labeled_part(LabelMap(*stored_as(tumor, label_map.geometry, stored)))
    for view in VIEWS:
        plane = ImagePlane(view, FINDINGS[0].inside_lps_mm, 90.0, 180)
        part = plane.part_of(labeled.geometry, 0)
        apart = np.zeros((180, 180), bool)
        apart[part] = sample_label(labeled, Label.TUMOR, plane, part)
        whole = sample_label(labeled, Label.TUMOR, plane)
        assert whole.any()
        assert np.array_equal(apart, whole)


def test_a_label_beside_the_picture_or_in_its_corner_is_no_error():
    _, label_map = sample_scan()
    x, y, z = FINDINGS[0].inside_lps_mm
    for away_mm in (30.0, 500.0):
        overlay = outlines(label_map, ImagePlane(AXIAL, (x + away_mm, y + away_mm, z), 40.0, 80))
        assert np.asarray(overlay).any() == (away_mm < 100)


def test_the_tumor_has_twice_the_line_of_the_pancreas_and_nothing_is_filled():
    labels = np.zeros((3, 20, 40), np.uint8)
    labels[:, 5:15, 4:14] = Label.PANCREAS  # a square of 10 mm on the left of the picture
    labels[:, 5:15, 24:34] = Label.TUMOR
    label_map = LabelMap(labels, Geometry(labels.shape, (1.0, 1.0, 1.0)))
    overlay = np.asarray(outlines(label_map, ImagePlane(AXIAL, (19.5, 9.5, 1.0), 40.0, 400)))
    across = overlay[200]  # a row through the middle of both
    solid = across[:, 3] == 255
    assert np.sum(solid & np.all(across[:, :3] == BLUE, axis=1)) == 2 * 2  # two lines of 2 pixels
    assert np.sum(solid & np.all(across[:, :3] == ORANGE, axis=1)) == 2 * 4
    assert not across[80:90, 3].any()  # the inside of the pancreas


def test_distance_from_an_edge():
    mask = np.zeros((1, 6), bool)
    mask[0, 2:4] = True  # ..##..
    assert edge_distance(mask)[0].tolist() == [1.5, 0.5, 0.5, 0.5, 0.5, 1.5]
    assert np.isinf(edge_distance(np.zeros((3, 3), bool))).all()
    assert np.isinf(edge_distance(np.ones((3, 3), bool))).all()


def test_the_target_of_a_bent_pancreas_lies_inside_it():
    labels = np.zeros((1, 9, 9), np.uint8)
    labels[0, 0, :] = labels[0, :, 0] = labels[0, :, 8] = Label.PANCREAS  # a U whose centroid is in the gap
    geometry = Geometry(labels.shape, (1.0, 1.0, 1.0))
    (target,) = image_targets(geometry, labeled_part(LabelMap(labels, geometry)), ())
    z, y, x = np.rint(geometry.world_to_index(target.point_lps_mm)).astype(int)
    assert labels[z, y, x] == Label.PANCREAS


def test_a_close_up_is_neither_too_tight_nor_too_wide():
    geometry = sample_scan()[0].geometry
    for diameter_mm, side_mm in ((3.0, 70.0), (40.0, 100.0), (150.0, 180.0)):
        (target,) = image_targets(geometry, None, (replace(FINDINGS[0], longest_diameter_mm=diameter_mm),))
        assert target.close_up_mm == side_mm


def test_the_scale_bar_is_round_and_takes_at_most_a_quarter():
    assert [scale_bar_mm(ImagePlane(AXIAL, (0.0, 0.0, 0.0), side, 100)) for side in (10, 70, 371, 500)] == [
        5,
        10,
        50,
        100,
    ]


@pytest.mark.parametrize("hu", [40, 80, 110])
@pytest.mark.parametrize("line", LINES, ids=lambda line: line.label.name)
def test_outlines_are_seen_on_tissue_of_any_gray(line, hu):
    """WCAG asks 3:1 of graphics: the line against its dark casing, and line or casing against the tissue."""
    tissue = luminance((round(255 * (hu + 160) / 400),) * 3)  # window 400/40
    own, casing = luminance(line.rgb), luminance(CASING_RGB)
    assert contrast(own, casing) >= 3
    assert max(contrast(own, tissue), contrast(casing, tissue)) >= 3


def contrast(one, other):
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def luminance(rgb):
    red, green, blue = (value / 255 / 12.92 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
