"""Pictures of misses and false alarms."""

import io

import numpy as np
from fake_network import coded
from PIL import Image
from readings import reading
from small_store import small_case

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.evaluation.gallery import GalleryCase, draw, picture, wrong_readings

MISS = reading("miss", diameter_mm=12.0, voxels=9, score=0.2)
BIG_MISS = reading("big miss", diameter_mm=40.0)
ALARM = reading("alarm", voxels=60, score=0.6)
RIGHT = (reading("hit", diameter_mm=30.0, voxels=90, score=0.9), reading("quiet"))


def test_misses_come_first_and_what_is_right_is_left_out():
    assert [case.case_id for case in wrong_readings((ALARM, *RIGHT, MISS), DecisionRule(50), 12)] == ["miss", "alarm"]
    assert wrong_readings(RIGHT, DecisionRule(50), 12) == ()
    assert len(wrong_readings((MISS, BIG_MISS, ALARM), DecisionRule(50), 1)) == 2


def test_truth_and_answer_stand_side_by_side():
    truth = small_case(0, tumor=True)[1]
    sheet = Image.open(io.BytesIO(draw(GalleryCase(MISS, coded(truth), truth, np.zeros_like(truth)))))
    width = (sheet.width - 4) // 2
    left, right = (np.asarray(sheet.crop((at, 0, at + width, sheet.height))).astype(int) for at in (0, width + 4))
    colored = [int(np.count_nonzero(np.ptp(half, axis=2) > 60)) for half in (left, right)]
    assert colored[0] > 100  # outlines of pancreas and tumor
    assert colored[1] == 0  # nothing was found, so the right half is gray


def test_a_picture_says_what_went_wrong():
    assert picture(MISS, "a.png").caption == "Missed: tumor of 12 mm, miss: 9 tumor voxels found, score 0.200."
    assert picture(ALARM, "b.png").caption.startswith("False alarm, alarm: 60 tumor voxels found")
