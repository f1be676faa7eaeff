"""Work on many items in several processes."""

import math
import os

import pytest

from PDACScreeningLib.worker_processes import each_as_finished


def own_process(_item):
    return os.getpid()


@pytest.mark.slow
def test_several_jobs_are_other_processes_with_the_same_results():
    assert sorted(each_as_finished(math.factorial, range(6), 2)) == [1, 1, 2, 6, 24, 120]
    assert os.getpid() not in set(each_as_finished(own_process, range(2), 2))


@pytest.mark.slow
def test_the_error_of_an_item_is_raised():
    with pytest.raises(ValueError, match="negative"):
        list(each_as_finished(math.factorial, [1, -1, 2], 2))


def test_one_job_works_here_and_in_order():
    assert list(each_as_finished(own_process, "ab", 1)) == [os.getpid()] * 2


def test_no_job_at_all_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        list(each_as_finished(math.factorial, [1], 0))
