"""One scan, however it is stored, has one identity."""

import numpy as np
import pytest
from stored_scans import ORIENTATIONS, body_geometry, body_hu, stored_as

from PDACScreeningLib.datasets.scan_identity import scan_sha256


def test_all_48_ways_to_store_a_scan_are_the_same_scan():
    hu, geometry = body_hu(), body_geometry()
    assert len({scan_sha256(stored_as(hu, geometry, orientation)[0]) for orientation in ORIENTATIONS}) == 1


def test_padding_below_air_is_air():
    hu = body_hu()
    padded = hu.copy()
    hu[:, 0, :], padded[:, 0, :] = -1024, -2000
    assert scan_sha256(hu) == scan_sha256(padded)


@pytest.mark.parametrize("change", ["one voxel", "crop", "transposed sizes"])
def test_another_scan_is_another_scan(change):
    hu = body_hu()
    other = hu.copy()
    if change == "one voxel":
        other[3, 4, 5] += 1
    elif change == "crop":
        other = other[1:]
    else:
        other = other.reshape(24, 20, 28)[:, :, ::-1].reshape(20, 12, 56)
    assert scan_sha256(hu) != scan_sha256(other)


def test_the_brightest_and_the_darkest_value_count():
    assert scan_sha256(np.full((2, 2, 2), 32767, np.int16)) != scan_sha256(np.full((2, 2, 2), -1024, np.int16))
