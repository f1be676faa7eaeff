"""Numbers as a person reads them, with the exact value behind them."""

import pytest

from PDACScreeningLib.report.quantity import count, grouped, hounsfield, in_milliliters, length, position, share, volume


def test_thousands_stand_apart():
    assert grouped(1234567.4) == "1\u202f234\u202f567"


def test_a_volume_is_given_in_both_units_and_exactly_in_the_markup():
    shown = "25.7\u00a0mL (25\u202f735\u00a0mm³)"
    assert volume(25734.6) == f'<data value="25734.6">{shown}</data>'
    assert ">0.42\u00a0mL (420\u00a0mm³)<" in volume(420.0)


@pytest.mark.parametrize(("voxels", "shown"), [(1, "1\u00a0voxel"), (0, "0\u00a0voxels"), (2, "2\u00a0voxels")])
def test_one_voxel_is_singular(voxels, shown):
    assert f">{shown}<" in count(voxels, "voxel")


def test_what_is_not_known_is_said_in_words():
    assert ">unknown<" in count(None)
    assert ">unknown<" in volume(None)
    assert ">none<" in share(None)


def test_units_and_rounding():
    assert ">31.2\u00a0mm<" in length(31.25)
    assert ">\u22124\u00a0HU<" in hounsfield(-3.6)
    assert ">0.91<" in share(0.9124)


def test_a_place_is_named_by_the_directions_of_the_patient():
    assert position((35.24, -12.0, -88.3)) == "L\u00a035.2, A\u00a012.0, I\u00a088.3\u00a0mm"
    assert position((-35.24, 12.0, 88.3)) == "R\u00a035.2, P\u00a012.0, S\u00a088.3\u00a0mm"


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("4.92 mL (315 voxels) of tumor were left out", "4.92 mL of tumor were left out"),
        ("< 0.01 mL (1 voxel) of tumor was left out", "< 0.01 mL of tumor was left out"),
        ("315 voxels (4922 mm3) of tumor were left out", "4.92 mL of tumor were left out"),
        ("Below 781 mm3 (a ball of 11 mm)", "Below 0.78 mL (a ball of 11 mm)"),
        ("1 voxel (0.5 mm3) of tumor", "< 0.01 mL of tumor"),
        ("Finding 31 mm", "Finding 31 mm"),
    ],
)
def test_a_reader_sees_milliliters_instead_of_voxels(sentence, shown):
    assert in_milliliters(sentence) == shown
