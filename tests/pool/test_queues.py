"""Queues in which a session waits on a pool of another kind: the reason is there."""

import pytest

from support.kinds import pool_of
from support.laptop import laptops
from support.waiting import wait_for
from testbed.pool.kinds import USUAL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_pool_without_a_machine_is_said_to_be_one():
    with pool_of(USUAL) as pool, laptops(pool) as new:
        pool.exec("ep1", ["condor_off", "-startd", "-fast"], check=True)
        wait_for(lambda: not pool.exec("ap", ["condor_status", "-af", "Name"]).stdout.strip(), 60, "no slot")
        new().start().wait_for("the pool shows no machine at all", 60)


@pytest.mark.parametrize("kind", ["ap-23.9", "manager-23.9"])
def test_older_access_points_and_managers_say_why_a_job_waits(kind):
    """With an older access point, nothing was said; with an older manager, that HTCondor had not looked yet."""
    with pool_of(kind) as pool, laptops(pool) as new:
        laptop = new()
        running = laptop.start("--memory", "900GB")
        running.wait_for("no machine in this pool has 900GB of memory", 30)
        assert "no machine in this pool has 900GB of memory" in laptop.call("status", laptop.name).stdout
