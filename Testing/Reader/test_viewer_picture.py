"""What the viewer draws, read back from its pixels: the right side, the right slice, the right density, the right line.

The expected places are worked out here from the scan alone, with the patient's right on the left of the picture and
superior at its top, as radiologists look at slices.
"""

import base64
import io
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from matplotlib.image import imread
from sample_screenings import FINDINGS, SUSPICIOUS
from test_report_page import told_place

from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.report.screening_report import report_html
from PDACScreeningLib.report.viewer_scan import Evidence
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart

SIZE, SPACING = (24, 20, 16), (2.0, 2.5, 3.0)  # x to the patient's left, y to posterior, z to superior
VIEWS = {"axial": (0, 1, "RLAP"), "coronal": (0, 2, "RLSI"), "sagittal": (1, 2, "APSI")}  # across, down; LPS axes
LYING = [((0, 1, 2), (1, 1, 1)), ((0, 1, 2), (-1, -1, 1)), ((0, 1, 2), (1, 1, -1)), ((1, 2, 0), (1, -1, -1))]
PANCREAS, TUMOR, LIKELY = ((4, 18), (5, 14), (4, 12)), ((10, 15), (8, 12), (6, 10)), ((9, 16), (7, 13), (5, 11))
BLUE, ORANGE, YELLOW, WHITE, LIGHT = (86, 180, 233), (230, 159, 0), (240, 228, 66), (255, 255, 255), (238, 238, 238)
INSIDE, OUTSIDE = [12, 10, 8], [20, 17, 14]


def box(ranges):
    """(x, y, z) mask of a box of voxels."""
    mask = np.zeros(SIZE, bool)
    mask[tuple(slice(*one) for one in ranges)] = True
    return mask


def lain(values, axes, signs):
    """(x, y, z) values as a file holds them, (k, j, i), whose axis i runs along axis `axes[0]` of the patient."""
    turned = values.transpose(axes)
    return np.ascontiguousarray(turned[tuple(slice(None, None, sign) for sign in signs)].transpose(2, 1, 0))


def grid(axes, signs):
    direction = np.zeros((3, 3))
    direction[axes, range(3)] = signs
    corner = [0.0, 0.0, 0.0]
    for axis, sign in zip(axes, signs, strict=True):
        corner[axis] = 0.0 if sign > 0 else (SIZE[axis] - 1) * SPACING[axis]
    shape = tuple(SIZE[axis] for axis in axes)[::-1]
    return Geometry(shape, tuple(SPACING[axis] for axis in axes), tuple(corner), tuple(direction.ravel()))


def written(path, hu, axes=(0, 1, 2), signs=(1, 1, 1), screening=SUSPICIOUS):
    """A report of (x, y, z) densities with a gland, a tumor, a probability and one network that sees the gland."""
    geometry = grid(axes, signs)
    labels = np.where(box(TUMOR), Label.TUMOR, np.where(box(PANCREAS), Label.PANCREAS, 0)).astype(np.uint8)
    probability = np.where(box(TUMOR), 0.9, np.where(box(LIKELY), 0.45, 0.1)).astype(np.float32)
    own = np.where(box(PANCREAS), Label.TUMOR, 0).astype(np.uint8)
    over = Evidence(
        LabelMap(lain(labels, axes, signs), geometry),
        VolumePart.of(lain(probability, axes, signs), geometry),
        NetworkLabels.of(("64^3",), [VolumePart.of(lain(own, axes, signs), geometry)]),
    )
    path.write_text(report_html(screening, CTVolume(lain(hu.astype(np.int16), axes, signs), geometry), over))
    return str(path)


def order(path, steps, **more):
    return {"path": path, "width": 1400, "height": 1200, "steps": steps, **more}


def pixels(seen, view):
    """(row, column, 3) of 0 to 255."""
    return np.rint(255 * imread(io.BytesIO(base64.b64decode(seen[view]["png"])))[..., :3]).astype(int)


def laid_out(image, view):
    """Size of a voxel and left upper corner of the slice, in pixels, across and down: whole and in the middle."""
    across, down, _ = VIEWS[view]
    room = np.array(image.shape[1::-1])
    mm = np.array([SIZE[across] * SPACING[across], SIZE[down] * SPACING[down]])
    scale = (room / mm).min()
    return scale * np.array([SPACING[across], SPACING[down]]), (room - scale * mm) / 2


def middle_of(image, view, place):
    """Pixel (across, down) of the middle of voxel (x, y, z)."""
    across, down, _ = VIEWS[view]
    pixel, start = laid_out(image, view)
    row = SIZE[2] - 1 - place[2] if down == 2 else place[down]
    return start + (np.array([place[across], row]) + 0.5) * pixel


def extent(image, color, *, off=60):
    """First and last column and row of a color, as ((left, top), (right, bottom)) edges; None where it is not."""
    rows, columns = np.nonzero(np.abs(image - color).max(axis=2) < off)
    if rows.size == 0:
        return None
    return np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]])


def drawn_around(image, view, ranges):
    """Where a line around a box of voxels lies."""
    across, down, _ = VIEWS[view]
    pixel, start = laid_out(image, view)
    rows = (SIZE[2] - ranges[2][1], SIZE[2] - ranges[2][0]) if down == 2 else ranges[down]
    return np.array(
        [start + np.array([ranges[across][0], rows[0]]) * pixel, start + [ranges[across][1], rows[1]] * pixel]
    )


@pytest.mark.parametrize(("axes", "signs"), LYING)
def test_each_corner_of_the_patient_is_drawn_where_radiologists_look_for_it(looked, tmp_path, axes, signs):
    """Right, anterior and superior differ in density, so that a mirrored or turned picture would show."""
    half = [np.arange(size) >= size // 2 for size in SIZE]
    eighth = 4 * half[0][:, None, None] + 2 * half[1][:, None] + half[2]
    path = written(tmp_path / "page.html", -100 + 35 * eighth, axes, signs)
    places = [[5, 4, 3], [19, 16, 13]]
    [answer] = looked([order(path, [["press", "o"], *(step for at in places for step in (["at", at], ["seen"]))])])
    for at, seen in zip(places, answer["steps"], strict=True):
        for view, (across, down, letters) in VIEWS.items():
            image = pixels(seen, view)
            for right, low in product((0, 1), repeat=2):
                place = list(at)
                place[across] = (5, 19)[right] if across == 0 else (4, 16)[right]
                place[down] = {1: (4, 16), 2: (13, 3)}[down][low]
                x, y = middle_of(image, view, place).astype(int)
                hu = -100 + 35 * (4 * half[0][place[0]] + 2 * half[1][place[1]] + half[2][place[2]])
                expected = np.clip(255 * (hu - 40 + 200) / 400, 0, 255)
                assert np.abs(image[y - 2 : y + 3, x - 2 : x + 3] - expected).max() <= 3, (view, place)
            lettered = {text: (x, y) for text, x, y in seen[view]["texts"] if len(text) == 1}
            width, height = image.shape[1], image.shape[0]
            assert lettered.keys() == set(letters)
            assert lettered[letters[0]][0] < width / 4 < 3 * width / 4 < lettered[letters[1]][0]
            assert lettered[letters[2]][1] < height / 4 < 3 * height / 4 < lettered[letters[3]][1]


def test_a_line_lies_on_the_edges_of_what_it_is_around(looked, tmp_path):
    path = written(tmp_path / "page.html", np.full(SIZE, -190))
    steps = [
        ["at", INSIDE],
        ["seen"],
        ["check", "[data-network='0']"],
        ["seen"],
        ["at", INSIDE],
        ["press", "o"],
        ["seen"],
    ]
    steps += [
        ["slide", "viewer-threshold", "0.5"],
        ["uncheck", "[data-network='0']"],
        ["seen"],
        ["at", OUTSIDE],
        ["seen"],
    ]
    [answer] = looked([order(path, steps)])
    labeled, network, alone, likely, outside = answer["steps"]
    for view in VIEWS:
        for seen, color, ranges in (
            *((labeled, ORANGE, TUMOR), (labeled, BLUE, PANCREAS), (network, YELLOW, PANCREAS)),
            *((alone, YELLOW, PANCREAS), (likely, WHITE, TUMOR)),
        ):
            image = pixels(seen, view)
            found = extent(image, color, off=8 if color == WHITE else 60)
            assert found is not None, (view, color)
            assert np.abs(found - drawn_around(image, view, ranges)).max() <= 4, (view, color)  # of 13 and more a voxel
        for seen, color in ((labeled, YELLOW), (alone, BLUE), (alone, ORANGE), (likely, YELLOW), (outside, ORANGE)):
            assert extent(pixels(seen, view), color, off=12) is None, (view, color)


@pytest.mark.parametrize("ratio", [1, 2])
def test_a_click_leads_to_the_voxel_under_it_and_the_ticks_stand_there(looked, tmp_path, ratio):
    """Also on a screen with two pixels of its own for one of the page's."""
    path = written(tmp_path / "page.html", np.full(SIZE, -190))
    [first] = looked([order(path, [["seen"]], ratio=ratio)])
    for view, (across, down, _) in VIEWS.items():
        image, goal = pixels(first["steps"][0], view), [3, 16, 13]
        x, y = middle_of(image, view, goal)
        steps = [["at", INSIDE], ["point", view, [x / ratio, y / ratio]], ["press", "o"], ["seen"]]
        [answer] = looked([order(path, steps, ratio=ratio)])
        seen = answer["steps"][0]
        wanted = [goal[axis] if axis in (across, down) else INSIDE[axis] for axis in range(3)]
        assert seen["shown"]["at"] == wanted, view
        assert np.rint(np.array(told_place(seen["probe"])) / SPACING).astype(int).tolist() == wanted
        for other in VIEWS:
            image = pixels(seen, other)
            x, y = middle_of(image, other, wanted)
            bright = np.abs(image - LIGHT).max(axis=2) < 60
            for ticks, expected in ((bright[2], x), (bright[-3], x), (bright[:, 2], y), (bright[:, -3], y)):
                assert abs(np.nonzero(ticks)[0].mean() + 0.5 - expected) <= 1, (view, other)


def test_the_words_over_and_under_the_picture_are_those_of_the_scan(looked, tmp_path):
    path = written(tmp_path / "page.html", np.full(SIZE, -190))
    steps = [
        ["at", INSIDE],
        ["press", "o"],
        ["seen"],
        ["press", "d"],
        ["seen"],
        ["slide", "viewer-threshold", "0.4"],
        ["seen"],
    ]
    [answer] = looked([order(path, steps)])
    first, narrow, explored = answer["steps"]
    texts = [text for text, *_ in first["axial"]["texts"]]
    assert "W 400 L 40" in texts
    assert "W 250 L 80" in [text for text, *_ in narrow["axial"]["texts"]]
    assert f"S {INSIDE[2] * SPACING[2]:.1f} mm, slice {INSIDE[2] + 1} of {SIZE[2]}" in texts
    assert first["probe"].endswith(": -190 HU, tumor, tumor probability 0.90")
    assert first["slider"] == str(SIZE[2] - 1)
    ml = (box(LIKELY) | box(TUMOR)).sum() * np.prod(SPACING) / 1000
    assert explored["explored"].startswith(f"0.40: {ml:.2f} mL")
    for view in VIEWS:
        image = pixels(first, view)
        [bar] = [
            int(text.split()[0]) for text, *_ in first[view]["texts"] if text.endswith(" mm") and " " not in text[:-3]
        ]
        lit = np.abs(image[-10] - LIGHT).max(axis=1) < 60
        length = np.argmin(lit[8:])
        across = VIEWS[view][0]
        assert abs(length - bar * laid_out(image, view)[0][0] / SPACING[across]) <= 2, view


def test_window_and_zoom_follow_the_hand(looked, tmp_path):
    """The right button, Ctrl and the wheel, two fingers, and a window of another size."""
    path = written(tmp_path / "page.html", np.full(SIZE, 60))
    steps = [["drag", "axial", [30, 20]], ["seen"], ["wheel", "axial", ["Control"]], ["seen"]]
    steps += [["pinch", "axial", 2], ["seen"], ["window", 700, 900], ["seen"]]
    [answer] = looked([order(path, [["at", INSIDE], ["press", "o"], ["seen"], *steps], touch=True)])
    first, windowed, turned, pinched, smaller = answer["steps"]
    assert [windowed["shown"][name] for name in ("window", "level")] == [400 + 2 * 30, 40 - 20]
    assert turned["shown"]["zoom"] == pytest.approx(1.25)
    assert pinched["shown"]["zoom"] == pytest.approx(2.5, rel=0.05)
    image = pixels(windowed, "axial")
    x, y = middle_of(image, "axial", [6, 5, 8]).astype(int)
    assert image[y, x, 0] == pytest.approx(255 * (60 - 20 + 230) / 460, abs=3)
    assert pixels(smaller, "axial").shape[1] < pixels(first, "axial").shape[1]


def test_zoom_keeps_the_crosshair_in_the_middle(looked, tmp_path):
    """A single bright column of voxels through the crosshair stays under the middle of the picture."""
    hu = np.full(SIZE, -190)
    hu[12, 10, :] = 300
    [answer] = looked(
        [order(written(tmp_path / "page.html", hu), [["at", INSIDE], ["press", "o"], *[["press", "+"]] * 4, ["seen"]])]
    )
    image = pixels(answer["steps"][0], "axial")
    rows, columns = np.nonzero(image.min(axis=2)[60:-60, 60:-60] > 200)
    assert abs(columns.mean() + 60.5 - image.shape[1] / 2) <= 2
    assert abs(rows.mean() + 60.5 - image.shape[0] / 2) <= 2


def test_findings_follow_one_another_in_both_directions_and_other_keys_are_the_browsers(looked, tmp_path):
    places = [(10.0, 10.0, 9.0), (20.0, 20.0, 21.0), (40.0, 30.0, 36.0)]
    three = tuple(replace(FINDINGS[0], number=n, inside_lps_mm=lps) for n, lps in enumerate(places, start=1))
    path = written(tmp_path / "page.html", np.full(SIZE, 60), screening=replace(SUSPICIOUS, findings=three))
    walk = [step for key in "nnnpp" for step in (["press", key], ["seen"])]
    steps = [["at", INSIDE], *walk, ["press", "Control+o"], ["seen"]]
    [answer] = looked([order(path, steps)])
    *walked, last = answer["steps"]
    expected = [places[n] for n in (1, 2, 0, 2, 1)]
    assert [seen["shown"]["at"] for seen in walked] == [
        np.rint(np.array(lps) / SPACING).astype(int).tolist() for lps in expected
    ]
    assert [seen["finding"].split(":")[0] for seen in walked] == [f"Finding {n}" for n in (2, 3, 1, 3, 2)]
    assert last["shown"]["outlines"]
