"""Series and image numbers: those of the header of the slice a finding lies in, and nothing that could be a person."""

from dataclasses import replace

import pytest
from dicom_slices import body_slices, write_series
from sample_screenings import FINDINGS, SUSPICIOUS
from screening_inputs import write_model

import PDACScreeningLib as pdac
from PDACScreeningLib.image_numbers import slice_index, small_number, with_image_numbers
from PDACScreeningLib.volume.label_map import Label


@pytest.fixture(scope="module")
def screener(tmp_path_factory):
    return pdac.Screener(write_model(tmp_path_factory.mktemp("models") / "tiny", Label.TUMOR), device="cpu")


def screened(screener, folder, slices):
    write_series(folder, slices)
    return screener.screen(folder, protocol="fast").screening


def test_a_finding_of_a_dicom_series_names_the_image_of_its_own_slice(screener, tmp_path):
    slices = body_slices()
    for z, dataset in enumerate(slices):
        dataset.InstanceNumber = 200 - z  # numbered from the head, as many scanners do
    screening = screened(screener, tmp_path / "series", slices)
    finding = screening.findings[0]
    assert screening.input.series_number == 3
    assert finding.image_number == 200 - slice_index(finding, screening.input)
    nearest = min(slices, key=lambda one: abs(one.ImagePositionPatient[2] - finding.inside_lps_mm[2]))
    assert finding.image_number == nearest.InstanceNumber


def test_numbers_that_are_none_or_could_be_a_persons_are_left_out(screener, tmp_path):
    slices = body_slices(SeriesNumber=19770517)  # a date of birth
    for dataset in slices:
        dataset.InstanceNumber = 123456789
    screening = screened(screener, tmp_path / "series", slices)
    assert screening.input.series_number is None
    assert [finding.image_number for finding in screening.findings] == [None] * len(screening.findings)


@pytest.mark.parametrize(
    ("text", "number"), [("46", 46), (" 7 ", 7), ("", None), ("-3", None), ("4.5", None), ("123456", None), ("٣", None)]
)
def test_only_small_whole_numbers_are_numbers(text, number):
    assert small_number(text) == number


def test_a_slice_without_a_number_and_a_scan_that_is_unknown():
    numbered = with_image_numbers(SUSPICIOUS, 3, {12: 46}.get)
    assert [finding.image_number for finding in numbered.findings] == [46, *[None] * (len(FINDINGS) - 1)]
    unknown = replace(SUSPICIOUS, input=None)
    assert with_image_numbers(unknown, 3, {}.get) == unknown
