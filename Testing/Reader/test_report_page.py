"""The report in a browser: what is seen first, what can be scrolled, and that nothing else runs or is loaded."""

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from sample_screenings import ALL, INPUT, MODEL, REJECTED, SUSPICIOUS, sample_scan

from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.report.screening_report import report_html
from PDACScreeningLib.report.viewer_scan import Evidence, viewer_scan
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart

SIZES = ((1400, 900), (768, 1024), (390, 844))
HOSTILE = "</script><img src=x onerror=window.broke=1><script>window.broke=1</script>"


def evidence(labels):
    """Labels with a probability, and networks of which one sees a tumor of its own."""
    probability = np.where(labels.labels == Label.TUMOR, 0.9, 0.1).astype(np.float32)
    alone = []
    for row in (10, 12, 14):
        own = np.zeros(labels.labels.shape, np.uint8)
        own[4:20, row : row + 4, 14:26] = Label.TUMOR
        alone.append(VolumePart.of(own, labels.geometry))
    networks = NetworkLabels.of(("64^3", "32^3", "16^3"), alone)
    return Evidence(labels, VolumePart.of(probability, labels.geometry), networks)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page of each outcome, with a scan wherever an outcome may have one."""
    folder, found = tmp_path_factory.mktemp("pages"), {}
    ct, labels = sample_scan()
    for screening in ALL:
        with_scan = screening.input is not None
        found[screening.outcome.value] = folder / f"{screening.outcome}.html"
        found[screening.outcome.value].write_text(
            report_html(screening, ct, evidence(labels)) if with_scan else report_html(screening, None)
        )
    return found


@pytest.fixture(scope="module")
def seen(pages, looked):
    """Every outcome at three widths, light and dark."""
    orders = [
        {"name": name, "path": str(path), "width": width, "height": height, "scheme": scheme, "axe": True}
        for (name, path), (width, height), scheme in product(pages.items(), SIZES, ("light", "dark"))
    ]
    return [(order, answer) for order, answer in zip(orders, looked(orders), strict=True)]


def test_no_page_violates_accessibility_rules(seen):
    assert {(one["name"], one["width"], *answer["violations"]) for one, answer in seen if answer["violations"]} == set()


def test_no_page_is_wider_than_its_window(seen):
    assert [(one["name"], answer["wide"]) for one, answer in seen if answer["wide"] > one["width"]] == []


def test_no_page_says_anything_to_the_console_or_asks_for_anything(seen):
    assert [
        (one["name"], answer["said"], answer["asked"]) for one, answer in seen if answer["said"] + answer["asked"]
    ] == []


def test_every_page_forbids_foreign_scripts(seen):
    for _, answer in seen:
        assert answer["policy"].startswith("default-src 'none'")
        assert "unsafe-eval" not in answer["policy"]
        assert answer["policy"].count("sha256-") == (answer["canvas"] is not None)


def test_verdict_size_slice_and_image_are_on_the_first_screen(seen):
    """A reader should not have to scroll for what the answer is about."""
    for one, answer in seen:
        if one["name"] == "SUSPICIOUS" and one["width"] == 1400:
            assert answer["glance"] < 300
            assert answer["canvas"] < 600
        if one["name"] == "SUSPICIOUS" and one["width"] == 390:
            assert answer["canvas"] < 844


@pytest.fixture(scope="module")
def driven(pages, looked):
    [answer] = looked([{"path": str(pages["SUSPICIOUS"]), "width": 1400, "height": 1200, "drive": True}])
    return answer["drive"]


def test_wheel_keys_click_and_slider_move_through_the_scan(driven):
    z = {step: int(driven[step].split()[2]) for step in ("start", "wheel", "click", "up", "slider")}
    assert z["wheel"] == z["start"] + 1
    assert z["up"] == z["click"] + 1
    assert z["slider"] == 0
    assert driven["click"].split()[:2] != driven["wheel"].split()[:2]


def test_the_next_finding_is_shown_with_its_words(driven):
    assert driven["next"] != driven["up"]
    assert driven["next"] != driven["nextAgain"]
    assert driven["finding"].startswith("Finding 2: 13 mm")


def test_outlines_window_zoom_and_each_network_change_the_picture(driven):
    changes = ("outlinesChange", "outlinesBack", "windowChanges", "zoomChanges", "network0", "network1", "network2")
    assert {name: driven[name] for name in changes} == dict.fromkeys(changes, True)


def test_the_probability_is_called_exploration(driven):
    assert driven["explored"].startswith("0.50: ")
    assert "Exploration, not the result" in driven["explored"]


def test_every_control_is_reached_by_the_keyboard(driven):
    wanted = {"viewer", "viewer-slice", "viewer-threshold", "o", "p", "n", "a", "d", "s", "+", "-", "0", "1", "2"}
    assert wanted <= set(driven["reached"])


def test_without_scripts_the_key_images_are_there_and_on_paper_the_viewer_is_not(pages, looked, tmp_path):
    size, path = {"width": 1400, "height": 900}, str(pages["SUSPICIOUS"])
    without, printed = looked(
        [{"path": path, **size, "scripts": False}, {"path": path, **size, "pdf": str(tmp_path / "page.pdf")}]
    )
    assert without["images"] >= 7
    assert printed["viewerPrinted"] is False
    assert (tmp_path / "page.pdf").read_bytes().count(b"/Type /Page\n") <= 4


def test_hostile_words_are_shown_and_never_run(looked, tmp_path):
    ct, labels = sample_scan()
    screening = replace(
        SUSPICIOUS,
        label=HOSTILE,
        reason=HOSTILE,
        warnings=(HOSTILE,),
        model=replace(MODEL, notice=HOSTILE, name=HOSTILE),
        input=replace(INPUT, kind=HOSTILE),
    )
    path = tmp_path / "hostile.html"
    path.write_text(report_html(screening, ct, evidence(labels)))
    [answer] = looked([{"path": str(path), "width": 1400, "height": 900}])
    assert answer["broke"] is None
    assert answer["said"] == []
    assert HOSTILE in answer["title"]


def test_two_reports_have_two_titles(looked, tmp_path):
    for name in ("case 1", "case 2"):
        (tmp_path / f"{name}.html").write_text(report_html(replace(REJECTED, label=name), None))
    answers = looked([{"path": str(tmp_path / f"case {n}.html"), "width": 800, "height": 600} for n in (1, 2)])
    assert [answer["title"].split(":")[0] for answer in answers] == ["case 1", "case 2"]


ORIENTATIONS = [(order, signs) for order in permutations(range(3)) for signs in product((1.0, -1.0), repeat=3)]


def test_fifty_voxels_in_each_of_48_orientations_are_those_of_the_file(looked, tmp_path):
    """Read back from the page: density within 2 HU and the label, at the place in the patient that the page tells."""
    chance, cases, orders = np.random.default_rng(0), [], []
    for number, (order, signs) in enumerate(ORIENTATIONS):
        direction = np.zeros((3, 3))
        direction[order, range(3)] = signs
        geometry = Geometry((7, 9, 11), (1.5, 2.0, 2.5), (-7.0, 12.0, 100.0), tuple(direction.ravel()))
        labels = chance.integers(0, 3, geometry.shape).astype(np.uint8)
        ct = CTVolume(chance.integers(-190, 300, geometry.shape).astype(np.int16), geometry)
        lying = Evidence(LabelMap(labels, geometry))
        size = viewer_scan(SUSPICIOUS, ct, lying).facts["size"]
        places = chance.integers(0, size, (50, 3)).tolist()
        path = tmp_path / f"{number}.html"
        path.write_text(report_html(SUSPICIOUS, ct, lying))
        cases.append((ct, labels, places))
        orders.append({"path": str(path), "width": 700, "height": 500, "places": places})
    for (ct, labels, places), answer in zip(cases, looked(orders), strict=True):
        for place, (at, hu, label, words) in zip(places, answer["places"], strict=True):
            assert at == " ".join(map(str, place))
            k, j, i = np.rint(ct.geometry.world_to_index(told_place(words))).astype(int)
            assert abs(hu - ct.hu[k, j, i]) <= 2
            assert label == labels[k, j, i]


def told_place(words):
    """LPS mm of "R 4.5 mm, P 3.0 mm, S 12.0 mm, slice 3 of 7: ..."."""
    parts = words.split(":")[0].split(", ")
    values = [part.split() for part in parts if part[0] in "RLAPIS" and part.endswith("mm")]
    return [float(mm) * (1 if letter in "LPS" else -1) for letter, mm, _ in values]
