"""Acquisitions that one series holds are told apart, chosen, or read as one where they are one scan."""

import numpy as np
import pytest
from dicom_slices import SHAPE, body_slices, write_series
from stored_scans import body_hu

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.series_reader import read_series

MIXED = "the series mixes several phases or reconstructions: choose one with --acquisition"
TRAITS = {
    "AcquisitionNumber": (1, 2, "acquisition 1: 10 slices, acquisition 2: 10 slices", "2"),
    "TemporalPositionIdentifier": (1, 2, "phase 1: 10 slices, phase 2: 10 slices", "2"),
    "ConvolutionKernel": ("B30f", "B70f", "kernel B30f: 10 slices, kernel B70f: 10 slices", "B70f"),
    "KVP": ("80", "140", "tube voltage 140: 10 slices, tube voltage 80: 10 slices", "140"),
    "AcquisitionTime": ("120000", "120041.5", "time 120000: 10 slices, time 120041: 10 slices", "120041"),
    "ImageType": (["ORIGINAL", "PRIMARY", "AXIAL"], ["DERIVED", "PRIMARY", "AXIAL"], "image type DERIVED", None),
}


def refusal(folder, **options):
    with pytest.raises(InputRejected) as caught:
        read_series(folder, **options)
    return str(caught.value)


def with_values(keyword, values, **changes):
    datasets = body_slices(**changes)
    for dataset, value in zip(datasets, values, strict=True):
        setattr(dataset, keyword, value)
    return datasets


@pytest.mark.parametrize("keyword", TRAITS)
def test_two_acquisitions_in_turns_are_refused_with_the_list(tmp_path, keyword):
    one, other, listing, _ = TRAITS[keyword]
    sentence = refusal(write_series(tmp_path, with_values(keyword, [one, other] * 10)))
    assert sentence.startswith(MIXED)
    assert listing in sentence


@pytest.mark.parametrize("keyword", [keyword for keyword in TRAITS if TRAITS[keyword][3]])
def test_one_of_two_acquisitions_in_turns_can_be_chosen(tmp_path, keyword):
    one, other, _, wanted = TRAITS[keyword]
    read = read_series(write_series(tmp_path, with_values(keyword, [one, other] * 10)), acquisition=wanted)
    assert np.array_equal(read.volume.hu, body_hu(SHAPE)[1::2])
    assert read.volume.geometry.spacing_mm[2] == 6.0


def test_acquisitions_that_overlap_are_refused(tmp_path):
    assert refusal(write_series(tmp_path, with_values("AcquisitionNumber", [1] * 10 + [2, 1] + [2] * 8))).startswith(
        MIXED
    )


def test_two_phases_at_the_same_places_can_be_chosen(tmp_path):
    write_series(tmp_path, body_slices(AcquisitionNumber=1), prefix="a")
    write_series(tmp_path, body_slices(hu=body_hu(SHAPE) + 30, AcquisitionNumber=2), prefix="b")
    assert np.array_equal(read_series(tmp_path, acquisition="2").volume.hu, body_hu(SHAPE) + 30)


def test_an_acquisition_that_is_not_there_is_refused_with_the_list(tmp_path):
    write_series(tmp_path, with_values("AcquisitionNumber", [1, 2] * 10))
    assert "(asked for 7; there is acquisition 1: 10 slices, acquisition 2: 10 slices)" in refusal(
        tmp_path, acquisition="7"
    )


def test_blocks_one_above_the_other_are_one_scan_when_the_table_moved_on(tmp_path):
    datasets = with_values("AcquisitionNumber", [1] * 10 + [2] * 10)
    for dataset in datasets:
        dataset.AcquisitionTime = "120000" if dataset.AcquisitionNumber == 1 else "120012"
    read = read_series(write_series(tmp_path, datasets))
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert not [warning for warning in read.warnings if "acquisition" in warning]


def test_blocks_whose_time_is_unknown_are_read_and_it_is_said(tmp_path):
    read = read_series(write_series(tmp_path, with_values("AcquisitionNumber", [1] * 10 + [2] * 10)))
    assert "2 acquisitions that follow each other were read as one scan" in read.warnings


@pytest.mark.parametrize(
    ("keyword", "one", "other"),
    [
        ("AcquisitionTime", "120000", "120045"),
        ("ContrastBolusAgent", "", "Ultravist"),
        ("ConvolutionKernel", "B30f", "B70f"),
        ("KVP", "80", "140"),
    ],
)
def test_blocks_of_another_phase_or_reconstruction_are_asked_about(tmp_path, keyword, one, other):
    datasets = with_values("AcquisitionNumber", [1] * 6 + [2] * 14)
    for dataset in datasets:
        setattr(dataset, keyword, one if dataset.AcquisitionNumber == 1 else other)
    sentence = refusal(write_series(tmp_path, datasets))
    assert "one after the other: choose one with --acquisition" in sentence
    assert read_series(tmp_path, acquisition="2").volume.geometry.shape[0] == 14


def test_a_number_for_every_slice_is_one_scan(tmp_path):
    read = read_series(write_series(tmp_path, with_values("AcquisitionNumber", range(1, 21), AcquisitionTime="120000")))
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
