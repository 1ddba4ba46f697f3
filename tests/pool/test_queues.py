"""Queues in which a session waits on a pool of another kind, or with another name: the reason is there, and the way."""

import pytest

from chtc_condor.codes import JobStatus
from support.kinds import check_row, pool_of
from support.laptop import laptops
from support.session import sessions
from support.waiting import wait_for
from testbed.pool.kinds import USUAL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SECOND = """\
SCHEDD2 = $(SCHEDD)
SCHEDD2_ARGS = -local-name SCHEDD2
SCHEDD.SCHEDD2.SCHEDD_NAME = second@
SCHEDD.SCHEDD2.SCHEDD_LOG = $(LOG)/SchedLog2
SCHEDD.SCHEDD2.SPOOL = /var/spool/second
SCHEDD.SCHEDD2.SCHEDD_ADDRESS_FILE = /var/spool/second/.schedd_address
SCHEDD.SCHEDD2.SCHEDD_DAEMON_AD_FILE = /var/spool/second/.schedd_classad
SCHEDD.SCHEDD2.JOB_QUEUE_LOG = /var/spool/second/job_queue.log
DC_DAEMON_LIST = + SCHEDD2
DAEMON_LIST = $(DAEMON_LIST) SCHEDD2
SCHEDD_HOST = second@
"""


def test_pool_without_a_machine_is_said_to_be_one():
    with pool_of(USUAL) as pool, laptops(pool) as new:
        pool.exec("ep1", ["condor_off", "-startd", "-fast"], check=True)
        wait_for(lambda: not pool.exec("ap", ["condor_status", "-af", "Name"]).stdout.strip(), 60, "no slot")
        new().start().wait_for("the pool shows no machine at all", 60)


def test_access_point_of_an_older_version_knows_why_a_session_waits():
    with pool_of("ap-23.9") as pool, laptops(pool) as new:
        laptop = new()
        laptop.start("--memory", "900GB").wait_for("no machine in this pool has 900", 60)
        assert "900" in laptop.call("status", laptop.name).stdout


def test_central_manager_of_an_older_version_gives_no_match_and_that_is_not_silent():
    with pool_of("manager-23.9") as pool, laptops(pool) as new:
        laptop = new()
        running = laptop.start()
        asked = ("condor_q", "-af", "LastRejMatchReason")
        wait_for(lambda: laptop.on_ap(*asked).strip() not in ("", "undefined"), 60, "the negotiator to reject it")
        assert laptop.queued() == [JobStatus.IDLE]
        said = wait_for(
            lambda: (text := laptop.call("status", laptop.name).stdout) and "not looked" not in text and text,
            30,
            "a reason",
        )
        assert "waits" in said or "queued" in said, said
        assert running.process.poll() is None
    check_row("manager-23.9", {"launcher": "no: no match"})


def test_schedd_of_another_name_has_sessions_with_lines_that_work():
    with pool_of(USUAL) as pool, sessions(pool) as new_session, laptops(pool) as new:
        pool.exec("ap", ["install", "-d", "-o", "condor", "-g", "condor", "/var/spool/second"], check=True)
        pool.put("ap", "/etc/condor/config.d/95-second", SECOND.encode())
        pool.exec("ap", ["condor_restart"], check=True)
        wait_for(lambda: "second@" in pool.exec("ap", ["condor_status", "-schedd", "-af", "Name"]).stdout, 90, "it")
        wait_for(lambda: pool.exec("ap", ["condor_q"]).returncode == 0, 60, "its queue")
        wait_for(lambda: "slot1@ep1" in pool.exec("ap", ["condor_status", "-af", "Name"]).stdout, 60, "the slot")
        laptop = new()
        running = laptop.start()
        session = new_session().submit()
        assert session.ready(120)["JupyterConnect"].split()[-3] == "alice@ap"
        page = pool.exec("laptop", ["curl", "-sSL", "-c", "/dev/null", session.tunnel().url()], user="alice")
        assert "JupyterLab" in page.stdout
        assert laptop.answers(running.url())
