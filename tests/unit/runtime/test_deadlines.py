"""Deadlines: the user's limit on the session's clock, HTCondor's on a clock that counts a machine's sleep."""

import pytest

from jupyter_session.idle.deadlines import MARGIN, Deadlines

WALL = 1_800_000_000.0


class Clocks:
    """Two clocks that the test turns; the session's own is given with each question."""

    def __init__(self, boot=5000.0, wall=WALL):
        self.boot, self.wall = boot, wall

    def deadlines(self, max_runtime=None, warning=300.0, **job_ad):
        ad = {name.lower(): value for name, value in job_ad.items()}
        return Deadlines(max_runtime, warning, ad, clock=lambda: self.boot, wall=lambda: self.wall)


def test_without_a_limit_there_is_no_deadline():
    assert Clocks().deadlines().next(0) is None
    assert Clocks().deadlines(JobCurrentStartDate=WALL).next(0) is None


def test_the_users_limit_is_on_the_sessions_clock():
    clocks = Clocks()
    deadlines = clocks.deadlines(max_runtime=7200)
    clocks.boot += 10 * 3600  # suspended for hours
    found = deadlines.next(60)
    assert (found.at, found.warning, found.why) == (7200, 300, "--max-runtime is 2 h")


def test_htcondors_limit_is_real_time_with_room_for_an_orderly_end():
    clocks = Clocks()
    deadlines = clocks.deadlines(AllowedExecuteDuration=36000)
    assert deadlines.next(0).at == 36000 - MARGIN
    clocks.boot += 100
    assert deadlines.next(100).at == 36000 - MARGIN
    clocks.boot += 10000  # suspended: the session's clock stood still, HTCondor's didn't
    found = deadlines.next(100)
    assert found.at == 100 + 36000 - MARGIN - 10100
    assert found.why == "allowed_execute_duration in the submit file is 10 h"


def test_a_jump_of_the_wall_clock_after_the_start_moves_nothing():
    clocks = Clocks()
    deadlines = clocks.deadlines(AllowedJobDuration=36000, JobCurrentStartDate=WALL - 600)
    before = deadlines.next(0)
    clocks.wall += 1e6
    assert deadlines.next(0) == before


def test_the_jobs_duration_counts_from_the_jobs_start():
    found = Clocks().deadlines(AllowedJobDuration=36000, JobCurrentStartDate=WALL - 600).next(0)
    assert found.at == 36000 - 600 - MARGIN
    assert found.why == "allowed_job_duration in the submit file is 10 h"


@pytest.mark.parametrize("start", [WALL + 600, WALL - 99999, None, "soon"])
def test_a_start_that_cant_be_true_is_left_out(start):
    found = Clocks().deadlines(AllowedJobDuration=36000, JobCurrentStartDate=start).next(0)
    assert found.at == 36000 - MARGIN


def test_the_earliest_limit_is_the_deadline():
    deadlines = Clocks().deadlines(max_runtime=3600, AllowedExecuteDuration=7200, AllowedJobDuration=1800)
    assert deadlines.next(0).why.startswith("allowed_job_duration")
    deadlines = Clocks().deadlines(max_runtime=600, AllowedExecuteDuration=7200, AllowedJobDuration=1800)
    assert deadlines.next(0).why.startswith("--max-runtime")


def test_a_short_limit_is_warned_of_after_half_of_it_and_leaves_most_of_it_to_work():
    found = Clocks().deadlines(max_runtime=100).next(0)
    assert (found.at, found.warning) == (100, 50)
    found = Clocks().deadlines(AllowedExecuteDuration=100).next(0)
    assert (found.at, found.warning) == (75, 50)


@pytest.mark.parametrize("value", [None, "2h", True, [7200]])
def test_a_limit_that_is_no_number_is_none(value):
    assert Clocks().deadlines(AllowedExecuteDuration=value).next(0) is None
