"""Tumor voxels of the scan's own grid belong to findings by where they lie."""

from dataclasses import replace

import numpy as np
import pytest
from sample_screenings import FINDINGS, NOT_SUSPICIOUS, PROTOCOL, REJECTED, SUSPICIOUS
from scipy import ndimage

from PDACScreeningLib.finding_regions import OF_NO_FINDING, finding_regions, with_native_volumes
from PDACScreeningLib.inference.findings import find_tumors
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.working_grid import working_grid

SPACING_MM = (1.0, 1.0, 1.0)


def tumor_row(text):
    """One row of voxels: T is tumor, p pancreas."""
    values = {"T": Label.TUMOR, "p": Label.PANCREAS, ".": Label.BACKGROUND}
    labels = np.array([[[values[letter] for letter in text]]], np.uint8)
    return LabelMap(labels, Geometry(labels.shape, SPACING_MM))


def finding(number, x, voxels=1):
    return replace(FINDINGS[0], number=number, inside_lps_mm=(float(x), 0.0, 0.0), voxels=voxels)


def shared_out(text, *findings, working_spacing_mm=SPACING_MM):
    """Which finding each voxel of a row belongs to, as text."""
    label_map = tumor_row(text)
    regions = finding_regions(label_map, findings, working_spacing_mm)
    row = [0] * len(text)
    if regions.box is not None:
        row[regions.box.slices[2]] = regions.numbers[0, 0].tolist()
    return "".join("?" if number == OF_NO_FINDING else str(number) if number else "." for number in row)


def test_a_region_belongs_to_the_finding_whose_point_lies_in_it_whatever_its_size():
    assert shared_out(".TTTT..p.T.", finding(1, 9), finding(2, 2)) == ".2222....1."


def test_a_region_that_ran_together_is_divided_at_the_middle_of_the_points():
    assert shared_out(".TTTTTT.", finding(1, 2), finding(2, 5)) == ".111222."


def test_a_piece_that_broke_off_goes_to_the_nearest_finding():
    assert shared_out(".TT.T......TTT", finding(1, 1), finding(2, 12)) == ".11.1......222"


def test_a_piece_far_from_every_finding_belongs_to_none():
    assert shared_out("TT......T", finding(1, 0)) == "11......?"


def test_tumor_without_findings_belongs_to_none():
    assert shared_out("TT.") == "??."


def test_a_finding_beside_its_voxels_still_gets_them():
    assert shared_out("..TT.....", finding(1, 1)) == "..11....."


def test_a_finding_whose_point_lies_outside_the_box_of_the_tumor_gets_the_near_region():
    assert shared_out("TT.......", finding(1, 2), working_spacing_mm=(2.0, 2.0, 2.0)) == "11......."


def test_a_finding_without_a_voxel_left_takes_none_of_its_neighbor():
    label_map = tumor_row("TTT....")
    regions = finding_regions(label_map, [finding(1, 1), finding(2, 6)], SPACING_MM)
    assert regions.voxels() == {1: 3}


def test_native_volumes_are_those_of_the_scans_own_voxels():
    label_map = tumor_row("ppTTT......T")
    screening = replace(SUSPICIOUS, findings=(finding(1, 3), finding(2, 20)))
    screening = replace(screening, protocol=replace(PROTOCOL, working_spacing_mm_xyz=SPACING_MM))
    measured = with_native_volumes(screening, label_map)
    assert [found.native_volume_mm3 for found in measured.findings] == [3.0, 0.0]
    assert (measured.native_tumor_volume_mm3, measured.native_pancreas_volume_mm3) == (4.0, 2.0)


@pytest.mark.parametrize("screening", [REJECTED])
def test_what_was_never_judged_gets_no_volumes(screening):
    assert with_native_volumes(screening, tumor_row("T.")) == screening


def test_no_tumor_has_no_volume():
    measured = with_native_volumes(replace(NOT_SUSPICIOUS, native_tumor_volume_mm3=None), tumor_row("pp."))
    assert measured.native_tumor_volume_mm3 == 0.0


def random_tumor(rng):
    """Working-grid labels of a few blobs, and the way back to a coarser or finer scan's grid."""
    shape = (rng.integers(4, 9), rng.integers(8, 16), rng.integers(8, 16))
    native = Geometry(tuple(map(int, shape)), (1.0, float(rng.uniform(0.7, 1.6)), float(rng.uniform(1.0, 5.0))))
    grid = working_grid(native, 1.2)
    noise = ndimage.gaussian_filter(rng.normal(size=grid.working.shape), 1.0)
    labels = np.where(noise > np.quantile(noise, 0.9), Label.TUMOR, Label.BACKGROUND).astype(np.uint8)
    return grid, labels


@pytest.mark.slow
def test_in_1000_random_tumors_every_voxel_has_an_owner_near_it_and_no_finding_takes_anothers_place():
    rng = np.random.default_rng(7)
    differing = 0
    for _ in range(1000):
        grid, labels = random_tumor(rng)
        working = CTVolume(np.zeros(labels.shape, np.int16), grid.working)
        findings = find_tumors(labels, None, working)
        native = grid.labels_to_native(labels)
        regions = finding_regions(native, findings, grid.working.spacing_mm)
        differing += ndimage.label(native.labels == Label.TUMOR)[1] != len(findings)
        if regions.box is None:
            continue
        assert sum(regions.voxels().values()) == native.count(Label.TUMOR)
        assert ((regions.numbers != 0) == (native.labels[regions.box.slices] == Label.TUMOR)).all()
        geometry = native.geometry.cropped(regions.box)
        for found in findings:
            index = np.rint(geometry.world_to_index(found.inside_lps_mm)).astype(int)
            if (index < 0).any() or (index >= regions.numbers.shape).any() or not regions.numbers[tuple(index)]:
                continue
            owner = findings[regions.numbers[tuple(index)] - 1]  # another one only if its point is nearer still
            apart = [np.linalg.norm(geometry.index_to_world(index) - one.inside_lps_mm) for one in (owner, found)]
            assert apart[0] <= apart[1] + 1e-9
    assert differing > 100  # else the two grids never disagreed, and nothing was tested
