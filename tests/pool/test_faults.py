"""What breaks around a session: its notebooks are on the access point, and it goes on, or starts anew with them."""

import re
import secrets

import pytest

from chtc_condor.codes import JobStatus
from support.hosts import small_disk
from support.session import sessions
from support.waiting import wait_for


def with_a_saved_notebook(session):
    """Wait until the access point has a notebook that was saved in the session, which goes on."""
    session.ready(120)
    session.save_notebook("kept.ipynb", "kept")
    wait_for(lambda: session.has_notebook("kept.ipynb", "kept"), 90, "the notebook on the access point")
    assert session.states()[-1] == "ready"
    return session


def has_started_anew_with_it(session, seconds):
    """Wait until the job has started once more, and its session has the notebook."""
    wait_for(lambda: session.ad().get("NumShadowStarts", 0) > 1, seconds, "the job to start again")
    wait_for(lambda: session.states().count("ready") == 2, 120, "the session to be ready again")
    return "kept" in session.request("/api/contents/kept.ipynb")


@pytest.mark.slow
def test_an_execution_point_that_loses_its_power_takes_no_saved_notebook_with_it(own_pool):
    with sessions(own_pool) as new:
        session = with_a_saved_notebook(new().submit("", "job_lease_duration = 60"))
        own_pool.power_off("ep1")
        assert session.has_notebook("kept.ipynb", "kept")
        own_pool.power_on("ep1")
        assert has_started_anew_with_it(session, 900)


@pytest.mark.slow
def test_a_schedd_that_restarts_leaves_the_session_running(own_pool):
    with sessions(own_pool) as new:
        session = with_a_saved_notebook(new().submit())
        server = session.server_pid()
        own_pool.exec("ap", ["pkill", "-9", "-x", "condor_schedd|condor_shadow"], check=True)
        wait_for(lambda: session.ad().get("JobStatus") == JobStatus.RUNNING, 120, "the job to run again")
        session.save_notebook("later.ipynb", "later")
        wait_for(lambda: session.has_notebook("later.ipynb", "later"), 120, "the later notebook")
        assert session.server_pid() == server
        assert session.states()[-1] == "ready"


def test_a_shadow_that_is_killed_costs_no_saved_notebook(new_session):
    session = with_a_saved_notebook(new_session().submit())
    # HTCondor gives a shadow another job once it is done with one, so its arguments may name the first.
    log = session.pool.exec("ap", ["grep", "-F", f" ({session.job}) (", "/var/log/condor/ShadowLog"], check=True).stdout
    shadow = re.findall(rf"\({session.job}\) \((\d+)\)", log)[-1]
    session.pool.exec("ap", ["kill", "-9", shadow], check=True)
    assert session.has_notebook("kept.ipynb", "kept")
    assert has_started_anew_with_it(session, 120)


@pytest.mark.slow
def test_while_no_connection_file_can_be_written_the_job_ad_shows_each_change_at_once(new_session):
    session = new_session()
    session.submit()
    session.ap("chmod", "555", session.folder, check=True)
    try:
        session.ready()
        wait_for(lambda: "connection file" in session.status()["problem"], 60, "the problem")
        for minutes in range(30, 40):  # the pause between two tries grows meanwhile
            kept = session.ad().get("JupyterKeptUntil")
            session.inside("jupyter-session", "extend", f"{minutes}m")
            wait_for(lambda kept=kept: session.ad().get("JupyterKeptUntil") != kept, 4, "the job ad to show it")
        assert session.file(f"jupyter-{session.job}.json") is None
    finally:
        session.ap("chmod", "755", session.folder, check=True)
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["JupyterState"] == "stopped"


@pytest.mark.slow
def test_a_full_disk_on_the_access_point_harms_no_saved_notebook_and_saving_resumes(pool):
    folder = f"/home/alice/small-{secrets.token_hex(4)}"
    with small_disk(pool, folder, "8m"), sessions(pool, folder) as new:
        session = with_a_saved_notebook(new().submit())
        pool.exec("ap", ["sh", "-c", f"cat /dev/zero > {folder}/filler"])
        session.save_notebook("later.ipynb", "later" * 4000)
        wait_for(lambda: "no space left" in session.inside("jupyter-session", "status"), 90, "status to tell of it")
        assert session.has_notebook("kept.ipynb", "kept")
        assert session.file("notebooks/later.ipynb") is None
        pool.exec("ap", ["rm", f"{folder}/filler"], check=True)
        wait_for(lambda: session.has_notebook("later.ipynb", "later" * 4000), 150, "the later notebook")


@pytest.mark.slow
def test_a_session_does_not_end_idle_until_the_access_point_has_room_for_its_work(pool):
    folder = f"/home/alice/small-{secrets.token_hex(4)}"
    with small_disk(pool, folder, "8m"), sessions(pool, folder) as new:
        session = with_a_saved_notebook(new().submit("--idle-timeout 60s"))
        pool.exec("ap", ["sh", "-c", f"cat /dev/zero > {folder}/filler"])
        session.save_notebook("later.ipynb", "later" * 4000)

        def only_saving_is_active():
            sources = session.status()["sources"]
            active = {seen["source"] for seen in sources if seen["active"]}
            return active == {"saving"} and all((seen["idle_for"] or 90) > 80 for seen in sources if not seen["active"])

        wait_for(only_saving_is_active, 180, "the session to be idle for longer than its timeout", every=3)
        pool.exec("ap", ["rm", f"{folder}/filler"], check=True)
        assert session.wait_gone(300)["JupyterEnd"] == "idle"
        assert session.has_notebook("later.ipynb", "later" * 4000)
        assert any("no space left" in warning for warning in session.receipt()["warnings"])
