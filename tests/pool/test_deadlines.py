"""What ends a session that works, what keeps one alive that doesn't, and which time doesn't count."""

import re
import time

import pytest

from chtc_condor.codes import JobStatus
from support.waiting import wait_for


def test_a_deadline_of_the_users_ends_a_busy_session_with_a_warning_and_the_notebooks_back(new_session):
    session = new_session().submit("--max-runtime 40s --idle-warning 10s")
    assert session.ready()["JupyterStopAt"]
    session.save_notebook("kept.ipynb", "kept")
    session.execute(session.start_kernel(), "import time; time.sleep(3600)")
    said = session.inside("jupyter-session", "extend", "2h")
    assert re.fullmatch(
        r"The session ends at .*\d\d:\d\d at the latest \(in \d+ s\): --max-runtime is 40 s\.", said.strip()
    )

    ad = session.wait_gone()
    assert (ad["JupyterState"], ad["ExitCode"]) == ("stopped", 0)
    assert ad["JupyterReason"] == "Time limit reached: --max-runtime is 40 s."
    assert session.states() == ["starting", "ready", "expiring", "stopping", "stopped"]
    assert "1 busy" in session.events()[2].reason
    assert session.has_notebook("kept.ipynb", "kept")


@pytest.mark.slow
def test_allowed_execute_duration_ends_the_session_in_order_before_htcondor_holds_the_job(new_session):
    session = new_session().submit("", "allowed_execute_duration = 60")
    session.ready()
    session.save_notebook("kept.ipynb", "kept")
    ad = session.wait_gone(150)
    assert (ad["JobStatus"], ad["JupyterState"], ad["ExitCode"]) == (JobStatus.COMPLETED, "stopped", 0)
    assert ad["JupyterReason"] == "Time limit reached: allowed_execute_duration in the submit file is 60 s."
    assert session.has_notebook("kept.ipynb", "kept")


@pytest.mark.slow
def test_a_user_keeps_a_session_alive_for_a_while(new_session):
    session = new_session().submit("--idle-timeout 20s --max-extend 1h")
    session.wait_state("expiring")
    said = session.inside("jupyter-session", "extend", "2h")
    wanted = r"The session will stay up until .*\d\d:\d\d at the earliest \(1 h, the most .*\)\."
    assert re.fullmatch(wanted, said.strip())
    session.wait_state("ready")
    assert "Kept alive by extend" in session.ad()["JupyterReason"]
    age = ["sh", "-c", f"ps -o etimes= -p {session.server_pid()}"]
    wait_for(lambda: int(session.pool.exec("ep1", age).stdout) > 40, 60, "the session to be older than its timeout")
    assert session.states()[-1] == "ready"

    assert "no longer kept alive" in session.inside("jupyter-session", "extend", "0s")
    assert "the idle timeout is 20 s" in session.wait_gone()["JupyterReason"]


@pytest.mark.slow
def test_a_suspended_session_is_not_stopped_for_the_time_in_which_it_stood_still(new_session):
    session = new_session().submit("--idle-timeout 30s")
    session.ready()
    session.ap("condor_suspend", session.job, check=True)
    session.wait_status(JobStatus.SUSPENDED)
    suspended = time.monotonic()
    wait_for(lambda: time.monotonic() > suspended + 45, 90, "more than the idle timeout to pass")
    assert "expiring" not in session.states()
    session.ap("condor_continue", session.job, check=True)
    session.wait_status(JobStatus.RUNNING)

    session.wait_gone()
    expiring, stopping = (event.at for event in session.events() if event.state in ("expiring", "stopping"))
    assert (stopping - expiring).total_seconds() >= 10
