from dataclasses import replace

import pytest
from sample_screenings import INDETERMINATE, SCALES, SUSPICIOUS

from PDACScreeningLib.report.network_agreement import network_agreement
from PDACScreeningLib.report.plain_summary import plain_summary
from PDACScreeningLib.report.screening_report import report_html


def with_tumor_voxels(*voxels):
    scales = tuple(replace(scale, tumor_voxels=count) for scale, count in zip(SCALES, voxels, strict=True))
    return replace(SUSPICIOUS, scales=scales)


@pytest.mark.parametrize(
    ("voxels", "line"),
    [
        ((50, 50, 50), "3 of 3 networks alone call a tumor."),
        ((49, 50, 50), "2 of 3 networks alone call a tumor; not the 64^3, which sees most context."),
        ((50, 49, 49), "1 of 3 networks alone call a tumor; not the 32^3 and the 16^3."),
        ((0, 0, 49), "0 of 3 networks alone call a tumor."),
    ],
)
def test_who_calls_a_tumor_is_one_line_of_every_output(voxels, line):
    screening = with_tumor_voxels(*voxels)
    assert network_agreement(screening) == line
    assert f"  {line}" in plain_summary(screening).splitlines()
    assert line in report_html(screening, None, None)


def test_where_no_network_ran_nothing_is_said():
    assert network_agreement(replace(INDETERMINATE, scales=())) == ""
