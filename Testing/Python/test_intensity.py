import numpy as np

from PDACScreeningLib.config import HUWindow
from PDACScreeningLib.volume.intensity import normalize


def test_the_default_window_maps_to_minus_one_and_one():
    hu = np.array([-1024, -100, 70, 155, 240, 3000], np.int16)
    assert np.allclose(normalize(hu, HUWindow()), [-1, -1, 0, 0.5, 1, 1])


def test_the_result_is_float32_and_the_scan_is_left_alone():
    hu = np.full((2, 3, 4), 500, np.int16)
    normalized = normalize(hu, HUWindow(lower_hu=0, upper_hu=200, mean_hu=100, std_hu=50))
    assert normalized.dtype == np.float32
    assert normalized.shape == (2, 3, 4)
    assert (normalized == 2).all()
    assert (hu == 500).all()


def test_a_voxel_does_not_depend_on_what_else_is_in_view():
    alone = normalize(np.array([60], np.int16), HUWindow())
    in_company = normalize(np.array([60, -1024, 3071], np.int16), HUWindow())
    assert alone[0] == in_company[0]
