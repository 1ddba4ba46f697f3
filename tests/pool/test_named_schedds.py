"""An access point whose default schedd is not the first one: the line to connect, the launcher, and ssh work."""

import pytest

from support.kinds import pool_of
from support.laptop import laptops
from support.session import sessions
from support.tunnel import Tunnel
from support.waiting import wait_for
from testbed.artifacts import ssh_template
from testbed.pool.kinds import USUAL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

#: A second schedd with a name and files of its own, which all commands ask.
CONFIG = """
SECOND = $(SCHEDD)
SECOND_ARGS = -local-name SECOND
SECOND.SCHEDD_NAME = {name}
SECOND.SCHEDD_LOG = $(LOG)/SecondLog
SECOND.SPOOL = {spool}
SECOND.SCHEDD_ADDRESS_FILE = {spool}/.schedd_address
SECOND.SCHEDD_DAEMON_AD_FILE = {spool}/.schedd_classad
DAEMON_LIST = $(DAEMON_LIST) SECOND
SCHEDD_HOST = {name}
"""
SPOOL = "/var/lib/condor/second"


@pytest.mark.parametrize("name", ["second@", "second@ap", "second@gpus"])
def test_each_way_leads_to_a_session_of_a_schedd_with_another_name(name):
    with pool_of(USUAL) as pool, laptops(pool) as new_laptop, sessions(pool) as new_session:
        pool.exec("ap", ["install", "-d", "-o", "condor", "-g", "condor", SPOOL], check=True)
        pool.put("ap", "/etc/condor/config.d/90-second", CONFIG.format(name=name, spool=SPOOL).encode())
        pool.exec("ap", ["condor_reconfig"], check=True)
        wait_for(lambda: pool.exec("ap", ["condor_q"], user="alice").returncode == 0, 60, "the second schedd")
        own = new_session().submit()
        ad = own.ready(120)
        assert ad["GlobalJobId"].startswith(f"{name}#")
        assert ad["JupyterConnect"].split()[-3] == "alice@ap"
        own.tunnels.append(Tunnel(pool, "alice", ad["JupyterConnect"]))
        page = pool.exec("laptop", ["curl", "-sSL", "-c", "/dev/null", own.tunnels[0].url()], user="alice")
        assert "JupyterLab" in page.stdout
        ssh_template.set_up(pool, "alice")
        entered = pool.exec("laptop", ["ssh", f"jupyter-{own.job}", "ls"], user="alice", timeout=90)
        assert "notebooks" in entered.stdout.split(), entered

        laptop = new_laptop()
        assert laptop.answers(laptop.start().url())
        assert laptop.name in laptop.call("list").stdout
        assert laptop.call("status", laptop.name).returncode == 0
        doctor = laptop.call("doctor", "--ap", "ap")
        assert "FAIL  its schedd answers" not in doctor.stdout
        assert laptop.call("stop", laptop.name).returncode == 0
