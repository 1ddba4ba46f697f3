"""A job is suspended for a moment at its start only where its own policy has nothing to say of that."""

import pytest

from chtc_condor.dry_run import parse_dry_run
from chtc_condor.suspension import is_moment, may_suspend


@pytest.mark.parametrize(
    ("line", "may"),
    [
        ("", True),
        ("PeriodicHold = NumVacatesByReason.SingularityTestFailed >= 3", True),
        ("PeriodicRemove = JobStatus == 5 && time() - EnteredCurrentStatus > 60", True),
        ("PeriodicHold = JobStatus == 2 && MemoryUsage > 4000", True),
        ("PeriodicHold = jobstatus =?= 7", False),
        ("PeriodicRemove = JobStatus != 2 && JobStatus != 1", False),
        ("PeriodicVacate = JobStatus > 5", False),
        ("PeriodicHold = NumSystemHolds + TotalSuspensions > 0", False),
        ("WantSuspend = false", False),
        ("TotalSuspensions = 0", True),
        ("LastSuspensionTime = 0", True),
        ("Rank = CumulativeSuspensionTime", False),
        ("JupyterEarlyEntry = true", True),
        ("JupyterEarlyEntry = false", False),
        ("JupyterEarlyEntry = Foo > 1", False),
        ('Args = "--note suspend"', True),
    ],
)
def test_own_policy_on_suspension_is_left_alone(line, may):
    (ad,) = parse_dry_run(f'JobStatus = 1\nCmd = "x"\n{line}\n.\n')
    assert may_suspend(ad) is may


@pytest.mark.parametrize(
    ("change", "moment"),
    [
        ({}, True),
        ({"JupyterState": "starting"}, True),
        ({"EnteredCurrentStatus": 80}, False),
        ({"EnteredCurrentStatus": None}, False),
        ({"JupyterState": "ready"}, False),
        ({"JupyterEarlyEntry": None}, False),
    ],
)
def test_moment_is_short_and_only_before_ready(change, moment):
    ad = {"JupyterEarlyEntry": True, "EnteredCurrentStatus": 99} | change
    assert is_moment(ad, 100.0) is moment
