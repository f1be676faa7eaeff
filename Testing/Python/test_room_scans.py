"""The whole scan beside its labels, known by its voxels; reports, and the scans of a cohort."""

import json
import re
from shutil import copytree

import numpy as np
import pytest
import SimpleITK as sitk
from reading_cases import LARGE, open_room, result, room_of, scan

from PDACScreeningLib.cohort.folder import CohortFolder
from PDACScreeningLib.cohort.plan import Settings
from PDACScreeningLib.cohort.planning import plan_cohort
from PDACScreeningLib.cohort.scan_search import FoundScan, search_scans
from PDACScreeningLib.errors import ResultError
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.reading_room.scan_finder import ScanFinder
from PDACScreeningLib.report.viewer_scan import HU_A_STEP, LOWEST_HU
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.session.stored_result import read_parts, read_result


def voxels(browser, case):
    """The whole scan as the browser gets it, in HU, (z, y, x) of the canonical order, and the marks."""
    page = browser.get(f"/case/{case}").decode()
    facts = json.loads(re.search(r'id="viewer-facts" type="application/json">([^<]*)', page)[1])
    x, y, z = facts["size"]
    layers = {layer: np.zeros((z, y, x), np.uint8) for layer in ("gray", "marks", "probability")}
    for piece in facts["pieces"]:
        values = np.frombuffer(browser.get(piece["address"]), np.uint8).reshape(-1, y, x)
        layers[piece["layer"]][piece["first"] : piece["first"] + len(values)] = values
    return layers["gray"].astype(int) * HU_A_STEP + LOWEST_HU, layers["marks"] & 3


def test_the_whole_scan_is_served_and_its_labels_lie_where_the_result_has_them(room_browser, room_study):
    hu, labels = voxels(room_browser, "scan-001")
    ct, stored = read_scan(room_study[1][0]).volume, read_parts(room_study[0] / "scan-001")
    assert hu.shape == ct.hu.shape  # of this file the canonical order is its own
    assert np.abs(hu - np.clip(ct.hu, -200, 310)).max() <= 1
    assert np.array_equal(labels, stored.labels.whole())


def test_a_scan_is_known_by_its_voxels_and_not_by_its_name(room_study, tmp_path):
    """Both scans change their names: each result still gets its own."""
    place, scans = room_study
    swapped = [tmp_path / scans[1].name, tmp_path / "zz" / scans[0].name]
    swapped[1].parent.mkdir()
    for source, target in zip(scans, swapped, strict=True):
        target.write_bytes(source.read_bytes())
    with open_room(room_of(place, *swapped, keep_in=tmp_path / "own")) as browser:
        assert voxels(browser, "scan-001")[0].shape[0] == 24
        assert voxels(browser, "scan-002")[0].shape[0] == 25


def test_a_scan_whose_voxels_were_changed_is_not_shown(room_study, tmp_path):
    place, scans = room_study
    image = sitk.ReadImage(str(scans[0]))
    image[20, 20, 12] = image[20, 20, 12] + 1
    sitk.WriteImage(image, str(tmp_path / "ct.nii.gz"))
    with open_room(room_of(place, tmp_path / "ct.nii.gz", keep_in=tmp_path / "own")) as browser:
        page = browser.get("/case/scan-001").decode()
        assert "No scan is shown: the scan of this result was not found" in page
        assert 'id="viewer"' not in page
        assert browser.ask("/case/scan-001/voxels/gray/0")[0] == 409


def test_a_scan_that_lies_elsewhere_in_space_is_not_shown(room_study, tmp_path):
    """The same voxels, mirrored by the header: the digest of the voxels alone would let it pass."""
    image = sitk.ReadImage(str(room_study[1][0]))
    image.SetDirection((-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    sitk.WriteImage(image, str(tmp_path / "ct.nrrd"))
    facts = read_result(room_study[0] / "scan-001").screening.input
    with pytest.raises(ResultError, match="was not found"):
        ScanFinder([FoundScan(tmp_path / "ct.nrrd")]).find(facts, None)


def test_the_scan_of_a_cohort_that_was_replaced_is_not_shown(room_study, tmp_path):
    facts = read_result(room_study[0] / "scan-001").screening.input
    with pytest.raises(ResultError, match="not the scan that was screened"):
        ScanFinder().find(facts, FoundScan(room_study[1][1]))


def test_a_result_whose_labels_were_exchanged_is_not_shown(room_study, tmp_path):
    place, scans = room_study
    copytree(place, tmp_path / "r")
    (tmp_path / "r" / "scan-001" / "labels.seg.nrrd").write_bytes((place / "scan-002" / "labels.seg.nrrd").read_bytes())
    with open_room(room_of(tmp_path / "r", *scans, keep_in=tmp_path / "own")) as browser:
        page = browser.get("/case/scan-001").decode()
        assert "labels.seg.nrrd is not the file" in page
        assert "Suspicious region" not in page  # nothing of a result is said whose files are not its own


def test_the_report_is_served_as_it_was_written_and_can_reach_nothing(room_browser, room_study):
    status, headers, body = room_browser.ask("/case/scan-001/report")
    assert body == (room_study[0] / "scan-001" / "report.html").read_bytes()
    assert "sandbox allow-scripts" in headers["Content-Security-Policy"]
    assert "connect-src" not in headers["Content-Security-Policy"]


def test_a_report_of_another_result_is_not_served(room_study, tmp_path):
    place, scans = room_study
    copytree(place, tmp_path / "r")
    (tmp_path / "r" / "scan-001" / "report.html").write_bytes((place / "scan-002" / "report.html").read_bytes())
    with open_room(room_of(tmp_path / "r", *scans, keep_in=tmp_path / "own")) as browser:
        for path in ("report", "picture"):
            assert browser.ask(f"/case/scan-001/{path}")[0] == 409
            assert browser.ask(f"/case/scan-002/{path}")[0] == 200


def test_a_cohort_shows_every_planned_scan_and_knows_where_it_lies(tmp_path):
    """One of two scans has its result, put where a worker would; the other one waits."""
    scans = [scan(tmp_path / "scans", number) for number in (0, 1)]
    settings = Settings("demo-phantom", "0" * 64, "PDACScreening test")
    place = tmp_path / "cohort"
    plan_cohort(place, settings, search_scans(scans, ignore_progress), None)
    cohort = CohortFolder(place)
    first, second = cohort.standings()
    result(cohort.results / first.name, scans[0], LARGE)
    with open_room(room_of(place, keep_in=tmp_path / "own")) as browser:
        page = browser.get("/").decode()
        assert re.findall(r'data-outcome="([^"]+)"', page) == ["WAITING", "SUSPICIOUS"]
        assert voxels(browser, first.case.id)[0].shape[0] == 24
        waiting = browser.get(f"/case/{second.case.id}").decode()
        assert "not screened yet" in waiting
        assert browser.ask(f"/case/{second.case.id}/note", {"state": "read", "note": "seen"})[0] == 303
        assert "seen" in browser.get("/").decode()
