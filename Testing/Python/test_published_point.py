"""What the published operating point of an imported model says beside the rule."""

from dataclasses import replace

import pytest
from sample_screenings import NOT_SUSPICIOUS, REJECTED, SUSPICIOUS

from PDACScreeningLib.inference.published_point import beside_published_point
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.protocol import Ensemble

POINT = Ensemble(folds=("0",), mirrored=False, steps=1, spacing_mm_xyz=(1.0, 1.0, 1.0), min_tumor_voxels=50)


def of(screening, published, score):
    ensemble = replace(POINT, published_score=published)
    return replace(screening, protocol=replace(screening.protocol, ensemble=ensemble), candidate_score=score)


@pytest.mark.parametrize("screening", [REJECTED, SUSPICIOUS, of(SUSPICIOUS, None, 0.4), of(SUSPICIOUS, 0.3, None)])
def test_without_a_published_point_or_a_score_nothing_is_said(screening):
    assert beside_published_point(screening) == screening


@pytest.mark.parametrize(("score", "says"), [(0.3, "is called"), (0.299, "is not called")])
def test_it_stands_beside_a_call_as_a_warning(score, says):
    found = beside_published_point(of(SUSPICIOUS, 0.3, score))
    assert found.outcome is Outcome.SUSPICIOUS
    assert says in found.warnings[-1]


def test_a_scan_that_only_the_published_point_calls_is_indeterminate():
    assert beside_published_point(of(NOT_SUSPICIOUS, 0.3, 0.3)).outcome is Outcome.INDETERMINATE
    assert beside_published_point(of(NOT_SUSPICIOUS, 0.3, 0.299)).outcome is Outcome.NOT_SUSPICIOUS
