"""A user whose ssh on the access point shares connections: all jobs of a machine have one host name for it.

HTCondor tells its ssh to share none (23.9.6 and 25.14: `-S none`, if the program's name is `ssh`).
"""

import pytest

from support.hosts import background
from support.screen import screen
from support.session import sessions
from support.ssh import SecureShell
from support.tunnel import URL
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("carol")]

SHARED = "Host *\n ControlMaster auto\n ControlPath ~/.ssh/shared-%h-%p-%r\n ControlPersist 300\n"
#: Prints which of the two sessions it is in.
WHICH = "find . -name 'is-*.ipynb' -not -path '*/.*/*'"


@pytest.fixture
def two_sessions(pool):
    """Yield two sessions of carol's on one machine, and a connection into the first that others would share."""
    with sessions(pool) as new:
        first, second = (new("carol").submit("", 'requirements = Machine == "ep1"') for _ in range(2))
        for session, name in ((first, "is-first.ipynb"), (second, "is-second.ipynb")):
            session.ready()
            session.save_notebook(name, name)
        config = pool.path("ap", "/home/carol/.ssh/config")
        assert not config.exists()
        pool.put("ap", "/home/carol/.ssh/config", SHARED.encode(), "carol")
        argv = ["condor_ssh_to_job", "-auto-retry", first.job, "echo in; exec sleep 600"]
        try:
            with background(pool, "ap", argv, "carol") as running:
                wait_for(lambda: "in" in running.stdout.readline(), 60, "the connection that others would share")
                yield first, second
        finally:
            config.unlink()


def test_each_way_leads_into_the_job_that_was_named(two_sessions):
    _, second = two_sessions
    tunnel = second.tunnel()
    token = URL.fullmatch(tunnel.url())[2]
    tunnel.close()
    shell = SecureShell(second, "carol").enterable()
    assert "is-second" in shell.out("sh", "-c", WHICH)
    assert token in shell.out("jupyter-session", "status", "--json")
    second.pool.put("ap", f"{second.folder}/attach", second.ad()["JupyterAttach"].encode(), "carol")
    with screen(second.pool, "ap", "carol", "bash ./attach", "140x30", second.folder) as shown:
        shown.wait("ServerApp", 60)
        shown.press("C-b", "n")
        shown.type(WHICH)
        shown.wait("/is-second", 30)
