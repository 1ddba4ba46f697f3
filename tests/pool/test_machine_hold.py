"""A machine that puts a session on hold by a rule of its own: told with what a release would lead to."""

import pytest

from support.hosts import configure
from support.laptop import laptops

pytestmark = pytest.mark.slow

#: What a machine has that ends whatever has run for 40 s, without a word of it in its ad.
RULE = (
    "TIME_EXCEEDED = (time() - JobStart) > 40",
    "PREEMPT = $(TIME_EXCEEDED)",
    "WANT_HOLD = $(TIME_EXCEEDED)",
    'WANT_HOLD_REASON = "The job ran longer than this machine lets one run"',
    "WANT_HOLD_SUBCODE = 7",
)


@pytest.mark.slow
def test_a_hold_by_the_machine_is_told_with_what_a_release_leads_to(own_pool):
    configure(own_pool, "ep1", *RULE)
    with laptops(own_pool) as new_laptop:
        laptop = new_laptop()
        running = laptop.start()
        running.wait_for("The machine put the job on hold by a rule of its own", 180)
        assert "it ends again after as long" in running.read()
        status = laptop.call("status")
        assert "lets one run" in status.stdout + status.stderr
        assert "it ends again after as long" in status.stdout + status.stderr
