"""Slices that do not form one even volume are refused; GDCM would spread them evenly without a word."""

from dataclasses import replace

import numpy as np
import pytest
from dicom_slices import SHAPE, body_slices, slice_dataset, write_series
from stored_scans import body_hu

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.dicom_file import read_slices
from PDACScreeningLib.scan_files.image_header import LARGEST_SPACING_MM, SMALLEST_SPACING_MM
from PDACScreeningLib.scan_files.series_reader import read_series
from PDACScreeningLib.scan_files.slice_distances import find_places
from PDACScreeningLib.scan_files.slice_stack import stack_slices


def refusal(folder):
    with pytest.raises(InputRejected) as caught:
        read_series(folder)
    return str(caught.value)


def at_heights(heights_mm, *, sideways_mm=None):
    sideways_mm = np.zeros(len(heights_mm)) if sideways_mm is None else sideways_mm
    return [(-35.0, -36.0 + side, 100.0 + z) for z, side in zip(heights_mm, sideways_mm, strict=True)]


@pytest.mark.parametrize("lost", [[9], [9, 10], [3, 12]])
def test_missing_slices_are_counted_and_placed(tmp_path, lost):
    folder = write_series(tmp_path, body_slices())
    for number in lost:
        (folder / f"ct_{number:03d}.dcm").unlink()
    sentence = refusal(folder)
    before, after = lost[0] - 1, next(n for n in range(lost[0], 20) if n not in lost)
    assert sentence.startswith(f"{len(lost)} slices are missing")
    assert f"the first after slice {before + 1} of the {20 - len(lost)} in the folder" in sentence
    assert f"between ct_{before:03d}.dcm and ct_{after:03d}.dcm" in sentence


def test_copies_of_slices_are_dropped_with_a_warning(tmp_path):
    write_series(tmp_path, body_slices())
    write_series(tmp_path, body_slices()[5:8], prefix="copy")
    read = read_series(tmp_path)
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert read.volume.geometry.spacing_mm == (2.5, 3.0, 3.0)
    assert "3 slices are in the folder twice; one of each was used" in read.warnings


def test_different_slices_at_one_position_are_two_phases(tmp_path):
    write_series(tmp_path, body_slices(AcquisitionNumber=1), prefix="a")
    write_series(tmp_path, body_slices(hu=body_hu(SHAPE) + 30, AcquisitionNumber=2), prefix="b")
    sentence = refusal(tmp_path)
    assert "mixes several phases or reconstructions: choose one with --acquisition" in sentence
    assert "(acquisition 1: 20 slices, acquisition 2: 20 slices)" in sentence


def test_different_slices_at_one_position_that_nothing_tells_apart_are_refused(tmp_path):
    write_series(tmp_path, body_slices(), prefix="a")
    write_series(tmp_path, body_slices(hu=body_hu(SHAPE) + 30), prefix="b")
    assert "nothing in their headers tells them apart" in refusal(tmp_path)


def test_two_interleaved_phases_are_refused(tmp_path):
    write_series(tmp_path, body_slices(), prefix="a")
    shifted = at_heights(1.0 + 3.0 * np.arange(20))
    write_series(tmp_path, body_slices(hu=body_hu(SHAPE) + 30, positions_mm=shifted), prefix="b")
    assert "distance between slices changes from 1.00 to 2.00 mm again and again" in refusal(tmp_path)


def test_spacing_that_changes_for_good_is_made_regular_and_it_is_said(tmp_path):
    heights = [*(2.0 * np.arange(11)), *(20 + 4.0 * np.arange(1, 10))]
    read = read_series(write_series(tmp_path, body_slices(positions_mm=at_heights(heights))))
    hu, measured = read.volume.hu, body_hu(SHAPE)
    assert read.volume.geometry.shape == (29, 24, 28)
    assert read.volume.geometry.spacing_mm == (2.5, 3.0, 2.0)
    assert np.array_equal(hu[:11], measured[:11])
    assert np.array_equal(hu[12::2], measured[11:])  # slices that were measured stay what they are
    assert np.abs(hu[11] - (measured[10] / 2 + measured[11] / 2)).max() <= 0.5
    (warning,) = (warning for warning in read.warnings if "made regular" in warning)
    assert "lie 2.00 to 4.00 mm apart" in warning


def test_spacing_that_changes_again_and_again_is_refused(tmp_path):
    heights = np.cumsum([0, *[2.0, 3.1] * 9, 2.0])
    write_series(tmp_path, body_slices(positions_mm=at_heights(heights)))
    assert "distance between slices changes from 2.00 to 3.10 mm again and again" in refusal(tmp_path)


@pytest.mark.parametrize("distance_mm", [0.625, 0.8, 0.4])
def test_positions_of_thin_slices_that_were_rounded_to_a_tenth_are_even_enough(tmp_path, distance_mm):
    hu = body_hu((120, 24, 28))
    heights = np.round(distance_mm * np.arange(120), 1)
    read = read_series(write_series(tmp_path, body_slices(hu=hu, positions_mm=at_heights(heights))))
    assert read.volume.geometry.spacing_mm[2] == pytest.approx(distance_mm, abs=0.002)
    assert np.array_equal(read.volume.hu, hu)


@pytest.mark.parametrize("distance_mm", [0.625, 0.8, 0.4])
def test_one_missing_thin_slice_is_still_found(tmp_path, distance_mm):
    hu = body_hu((120, 24, 28))
    heights = np.round(distance_mm * np.arange(120), 1)
    folder = write_series(tmp_path, body_slices(hu=hu, positions_mm=at_heights(heights)))
    (folder / "ct_060.dcm").unlink()
    assert "1 slices are missing, the first after slice 60" in refusal(tmp_path)


def test_positions_rounded_to_a_tenth_of_a_millimeter_are_even_enough(tmp_path):
    heights = np.round(2.5625 * np.arange(20), 1)
    read = read_series(write_series(tmp_path, body_slices(positions_mm=at_heights(heights))))
    assert read.volume.geometry.spacing_mm[2] == pytest.approx(2.5625, abs=0.005)


@pytest.mark.parametrize("degrees", [0.3, 5.0, 20.0, -12.0])
def test_a_tilted_gantry_is_found_from_the_positions(tmp_path, degrees):
    heights = 3.0 * np.arange(20)
    positions = at_heights(heights, sideways_mm=heights * np.tan(np.deg2rad(degrees)))
    read = read_series(write_series(tmp_path, body_slices(positions_mm=positions)))  # there is no tilt tag
    (warning,) = (warning for warning in read.warnings if "made regular" in warning)
    assert f"stacked at {abs(degrees):.1f} degrees from a right angle (a tilted gantry)" in warning
    assert "not on the scan's own slices" in warning


@pytest.mark.parametrize("slices_of_pixels", [1, -2])
def test_a_tilted_series_lies_where_it_was_measured(tmp_path, slices_of_pixels):
    # each slice is shifted by whole pixels, so that nothing is interpolated and every voxel can be looked up
    heights, hu = 6.0 * np.arange(20), body_hu(SHAPE)
    positions = at_heights(heights, sideways_mm=3.0 * slices_of_pixels * np.arange(20))
    volume = read_series(write_series(tmp_path, body_slices(positions_mm=positions))).volume
    assert volume.geometry.shape == (20, 24 + 19 * abs(slices_of_pixels), 28)
    for z in range(20):
        index = volume.geometry.world_to_index(positions[z])
        start = [round(float(i)) for i in index]
        assert np.allclose(index, start, atol=1e-6)
        assert start[0] == z
        rows = slice(start[1], start[1] + 24)
        assert np.array_equal(volume.hu[z, rows], hu[z])
        outside = np.ones(volume.hu.shape[1], bool)
        outside[rows] = False
        assert (volume.hu[z, outside] == -1024).all()


def test_a_tilt_that_no_gantry_has_is_refused(tmp_path):
    heights = 3.0 * np.arange(20)
    positions = at_heights(heights, sideways_mm=heights * np.tan(np.deg2rad(50)))
    write_series(tmp_path, body_slices(positions_mm=positions))
    assert "more than any gantry tilts" in refusal(tmp_path)


def test_a_tilt_below_a_tenth_of_a_degree_is_no_tilt(tmp_path):
    heights = 3.0 * np.arange(20)
    positions = at_heights(heights, sideways_mm=heights * np.tan(np.deg2rad(0.05)))
    assert len(read_series(write_series(tmp_path, body_slices(positions_mm=positions))).volume.hu) == 20


def test_a_gantry_tilted_with_its_table_is_no_shear(tmp_path):
    angle = np.deg2rad(15)
    column = [0, np.cos(angle), np.sin(angle)]
    normal = np.cross([1, 0, 0], column)
    positions = [tuple(3.0 * z * normal) for z in range(20)]
    datasets = body_slices(positions_mm=positions, ImageOrientationPatient=[1, 0, 0, *column])
    assert np.array_equal(read_series(write_series(tmp_path, datasets)).volume.hu, body_hu(SHAPE))


def test_slices_shifted_sideways_are_refused(tmp_path):
    sideways = np.where(np.arange(20) == 11, 8.0, 0.0)
    write_series(tmp_path, body_slices(positions_mm=at_heights(3.0 * np.arange(20), sideways_mm=sideways)))
    assert "shifted sideways" in refusal(tmp_path)


def test_one_slice_of_another_matrix_is_refused_by_name(tmp_path):
    datasets = body_slices()
    datasets[6] = slice_dataset(body_hu((1, 24, 24))[0], position_mm=(-35.0, -36.0, 118.0), number=7)
    sentence = refusal(write_series(tmp_path, datasets))
    assert sentence.startswith("a slice has another matrix (24 x 24) than the other slices (28 x 24)")
    assert sentence.endswith("(ct_006.dcm)")


def test_one_slice_of_another_pixel_spacing_is_refused_by_name(tmp_path):
    datasets = body_slices()
    datasets[6].PixelSpacing = [3.0, 2.6]
    sentence = refusal(write_series(tmp_path, datasets))
    assert sentence.startswith("a slice has another pixel spacing (3 x 2.6 mm)")
    assert sentence.endswith("(ct_006.dcm)")


def test_a_few_views_of_another_direction_are_left_out_with_a_warning(tmp_path):
    datasets = body_slices()
    for number in range(2):
        datasets.append(
            slice_dataset(
                body_hu(SHAPE)[:, number],
                position_mm=(0, 0, 0),
                number=90 + number,
                ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
            )
        )
    read = read_series(write_series(tmp_path, datasets))
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert "2 slices of another direction (scout views?) were left out" in read.warnings


def test_many_slices_of_another_direction_are_refused(tmp_path):
    coronal = [(0.0, 3.0 * y, 0.0) for y in range(20)]
    write_series(tmp_path, body_slices(), prefix="a")
    write_series(tmp_path, body_slices(positions_mm=coronal, ImageOrientationPatient=[1, 0, 0, 0, 0, -1]), prefix="b")
    assert "mixes slices of 2 directions (20, 20 slices)" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"RescaleIntercept": None}, "no rescale slope and intercept"),
        ({"RescaleSlope": None}, "no rescale slope and intercept"),
        ({"RescaleSlope": 0}, "rescale slope of 0"),
        ({"RescaleSlope": -1}, "rescale slope of -1"),
        ({"ImagePositionPatient": None}, "does not tell where it lies"),
        ({"ImageOrientationPatient": None}, "does not tell where it lies"),
        ({"ImagePositionPatient": [1.0, 2.0]}, "does not tell where it lies"),
        ({"PixelSpacing": None}, "no plausible pixel spacing"),
        ({"PixelSpacing": [0.0, 2.5]}, "no plausible pixel spacing"),
        ({"ImageOrientationPatient": [1, 0, 0, 0.5, 0.8, 0]}, "impossible row and column directions"),
        ({"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}, "impossible row and column directions"),
        ({"Rows": 0}, "has no pixels"),
        ({"Columns": 0}, "has no pixels"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "color or inverted picture"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "color or inverted picture"),
    ],
)
@pytest.mark.parametrize("odd", [0, 13])
def test_a_slice_that_lacks_something_is_refused_by_name(tmp_path, changes, words, odd):
    datasets = body_slices()
    for keyword, value in changes.items():
        if value is None:
            delattr(datasets[odd], keyword)
        else:
            setattr(datasets[odd], keyword, value)
    with pytest.raises(InputRejected, match=rf"({words}).*\(ct_0{odd:02d}\.dcm\)"):
        read_series(write_series(tmp_path, datasets))


def test_all_slices_at_one_place_are_refused(tmp_path):
    write_series(tmp_path, body_slices(positions_mm=[(0.0, 0.0, 0.0)] * 20))
    assert "show different pixels at one position" in refusal(tmp_path)


@pytest.mark.parametrize(("degrees", "is_tilted"), [(0.09, False), (0.15, True)])
def test_from_a_tenth_of_a_degree_on_a_series_is_tilted(degrees, is_tilted):
    along = 5.0 * np.arange(200)
    position = np.stack([along * np.tan(np.deg2rad(degrees)), np.zeros(200), along], axis=1)
    places = find_places(position, np.eye(3), 5.0, [""] * 200)
    assert places.tilt_degrees == pytest.approx(degrees if is_tilted else 0.0, abs=1e-6)


def test_a_series_that_does_not_tell_its_thickness_is_read_without_a_word_about_it(tmp_path):
    read = read_series(write_series(tmp_path, body_slices(SliceThickness=None)))
    assert not any("mm apart" in warning for warning in read.warnings)


def test_a_single_slice_is_as_thick_as_it_says_and_a_millimeter_when_it_says_nothing(tmp_path):
    for thickness_mm, expected_mm in ((2.5, 2.5), (None, 1.0)):
        folder = write_series(tmp_path / str(thickness_mm), body_slices(SliceThickness=thickness_mm)[:1])
        headers = read_slices(next(folder.iterdir()))
        assert stack_slices(headers, lambda _one, _other: True).geometry.spacing_mm[2] == expected_mm


def test_pixel_spacings_up_to_the_limits_are_taken(tmp_path):
    (header,) = read_slices(next(write_series(tmp_path, body_slices()[:1]).iterdir()))
    for mm in (SMALLEST_SPACING_MM, LARGEST_SPACING_MM):
        taken = stack_slices([replace(header, pixel_spacing_mm=(mm, mm))], lambda _one, _other: True)
        assert taken.geometry.spacing_mm[:2] == (mm, mm)
    for mm in (SMALLEST_SPACING_MM * 0.99, LARGEST_SPACING_MM * 1.01):
        with pytest.raises(InputRejected, match="no plausible pixel spacing"):
            stack_slices([replace(header, pixel_spacing_mm=(mm, mm))], lambda _one, _other: True)
