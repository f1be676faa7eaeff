"""What the numbers of a foreign label map mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.label_mapping import OWN_LABELS, LabelMapping

PANORAMA_LIKE = LabelMapping(((1, Label.TUMOR), (2, Label.BACKGROUND), (4, Label.PANCREAS), (5, Label.PANCREAS)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_foreign_numbers_become_ours_whatever_their_type(dtype):
    stored = np.array([[[0, 1, 2], [4, 5, 0]]], dtype)
    assert PANORAMA_LIKE.apply(stored).tolist() == [[[0, 2, 0], [1, 1, 0]]]
    assert PANORAMA_LIKE.apply(stored).dtype == np.uint8


@pytest.mark.parametrize("number", [1, 127, 254, 255])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint16, np.uint64, np.float32])
def test_every_number_that_a_file_can_hold_may_be_mapped(number, dtype):
    if np.issubdtype(dtype, np.integer) and number > np.iinfo(dtype).max:
        return
    mapping = LabelMapping(((number, Label.PANCREAS),))
    assert mapping.apply(np.array([[[0, number]]], dtype)).tolist() == [[[0, 1]]]
    with pytest.raises(ValueError, match="the value 2"):
        mapping.apply(np.array([[[0, 2]]], dtype))


def test_numbers_beyond_all_others_are_told():
    with pytest.raises(ValueError, match=str(2**64 - 1)):
        PANORAMA_LIKE.apply(np.array([[[0, 2**64 - 1]]], np.uint64))


@pytest.mark.parametrize("value", [3, 6, 255, -1])
def test_a_number_that_is_not_in_the_mapping_is_told(value):
    with pytest.raises(ValueError, match=f"the value {value}"):
        PANORAMA_LIKE.apply(np.array([[[0, 1, value]]], np.int16))


@pytest.mark.parametrize(("value", "told"), [(0.5, "0.5, which is no whole"), (np.nan, "NaN"), (np.inf, "infinite")])
def test_what_is_no_label_is_refused(value, told):
    with pytest.raises(ValueError, match=told):
        OWN_LABELS.apply(np.array([[[0.0, value]]]))


def test_the_rest_may_be_background():
    mapping = LabelMapping(((7, Label.PANCREAS),), rest=Label.BACKGROUND)
    assert mapping.apply(np.array([[[0, 3, 7, 117]]], np.uint8)).tolist() == [[[0, 0, 1, 0]]]
    with pytest.raises(ValueError, match="-3"):
        mapping.apply(np.array([[[-3]]], np.int16))


def test_an_empty_plane_stays_empty():
    assert OWN_LABELS.apply(np.zeros((0, 4), np.float64)).shape == (0, 4)


@pytest.mark.parametrize(
    "pairs", [((1, Label.TUMOR), (1, Label.PANCREAS)), ((-1, Label.TUMOR),), ((70000, Label.TUMOR),)]
)
def test_an_impossible_mapping_is_refused(pairs):
    with pytest.raises(ValueError, match="label"):
        LabelMapping(pairs)


def test_a_mapping_reads_like_a_sentence():
    assert str(PANORAMA_LIKE) == "0 and 2 background, 4 and 5 pancreas, 1 tumor"
    assert str(LabelMapping(((7, Label.TUMOR),), rest=Label.BACKGROUND)) == "0 and all others background, 7 tumor"


@given(st.dictionaries(st.integers(0, 300), st.sampled_from(Label), min_size=1), st.data())
def test_every_number_becomes_its_own_label(meaning, data):
    meaning = {0: Label.BACKGROUND} | meaning
    stored = data.draw(st.lists(st.sampled_from(sorted(meaning)), min_size=1))
    assert LabelMapping(tuple(meaning.items())).apply(np.array(stored)).tolist() == [meaning[n] for n in stored]
