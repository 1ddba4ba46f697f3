"""What doctor says of a way to the pool that is broken somewhere: what, and what to do."""

import pytest

from support.hosts import configure
from support.laptop import laptops
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(300)


def found(laptop, what, advice):
    """Assert that doctor finds one thing wrong and says what to do, and end in the status for that."""
    done = laptop.call("doctor", "--ap", laptop.ap)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert (done.returncode, len(wrong)) == (1, 1), done
    assert what in wrong[0]
    assert advice in wrong[0]
    assert "Traceback" not in done.stderr
    return True


@pytest.mark.slow
def test_each_broken_link_of_the_chain_is_found_and_no_other(own_pool):
    with laptops(own_pool) as new:
        laptop = new("bob")
        assert laptop.call("config", "image", "/srv/jupyter.sif").returncode == 0
        well = laptop.call("doctor", "--ap", "ap")
        assert (well.returncode, "FAIL" in well.stdout) == (0, False), well

        own_pool.exec("ap", ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/tmp"], check=True)
        assert found(laptop, "log in to ap", "Read-only file system")
        own_pool.exec("ap", ["umount", "/tmp"], check=True)

        configure(own_pool, "ap", "SCHEDD_ENABLE_SSH_TO_JOB = False")
        assert found(laptop, "it allows ssh into jobs", "Ask its operators")
        configure(own_pool, "ap")

        own_pool.exec("ap", ["condor_off", "-daemon", "schedd", "-fast"], check=True)
        wait_for(lambda: "FAIL" in laptop.call("doctor", "--ap", "ap").stdout, 60, "the schedd to be away")
        assert found(laptop, "its schedd answers", "Try again")
        own_pool.exec("ap", ["condor_on", "-daemon", "schedd"], check=True)
        wait_for(lambda: laptop.call("doctor", "--ap", "ap").returncode == 0, 60, "the schedd to be back")
