"""Sessions that have ended: how, when, and what is on the access point, as it was looked at there."""

import contextlib
import json
import time

import pytest

from support.hosts import SHARED_IMAGE
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SLEEPER = """executable = /bin/sleep
transfer_executable = false
arguments = 600
should_transfer_files = yes
request_memory = 50MB
request_disk = 10MB
log = own.log
My.JupyterName = "NAME"
queue
"""


@pytest.fixture
def laptop(new_laptop):
    laptop = new_laptop()
    laptop.call("config", "ap", "ap")
    return laptop


@contextlib.contextmanager
def kept_in_queue(session):
    """Remove the job for good after the block, though `leave_in_queue` keeps it."""
    try:
        yield
    finally:
        session.ap("condor_qedit", session.job, "LeaveJobInQueue", "false")
        session.ap("condor_rm", session.job)


def test_a_session_that_has_ended_is_known_on_any_laptop_with_how_when_and_what_is_there(laptop, new_laptop):
    job = laptop.start_and_leave()
    notebooks = f"{laptop.folder}/notebooks"
    assert laptop.call("stop").returncode == 0
    other = new_laptop()
    other.call("config", "ap", "ap")
    for where in (laptop, other):
        for name in (laptop.name, job, job.removesuffix(".0")):
            told = where.call("status", name)
            assert told.returncode == 0, told
            for part in (f"(job {job}) ended", "stopped by its user", time.strftime(" at %Y-%m-"), notebooks):
                assert part in told.stdout, (name, part)
            assert f"The notebooks are on ap, in {notebooks}." in told.stdout
    facts = json.loads(other.call("status", laptop.name, "--json").stdout)
    assert (facts["state"], facts["job"], facts["files"]["receipt"]) == ("ended", job, True)
    logs = other.call("logs", laptop.name)
    assert (logs.returncode, "ready: JupyterLab is ready." in logs.stdout) == (0, True), logs
    assert "stopped by its user" in logs.stderr
    again = other.call("stop", laptop.name)
    assert (again.returncode, f"The notebooks are on ap, in {notebooks}." in again.stderr) == (22, True), again
    laptop.on_ap("rm", "-r", notebooks)
    gone = other.call("status", laptop.name).stdout
    assert f"No notebooks came back: there is no folder {notebooks} on ap." in gone
    assert "The notebooks are" not in gone


def test_list_names_the_last_session_once_none_is_left(laptop):
    job = laptop.start_and_leave()
    laptop.on_ap("condor_ssh_to_job", job, "jupyter-session", "stop")
    wait_for(lambda: not laptop.queued(), 60, "the job to end")
    told = laptop.call("list")  # it was remembered here
    assert f"{laptop.name} (job {job}) ended" in told.stderr
    assert f"The notebooks are on ap, in {laptop.folder}/notebooks." in told.stderr
    assert job not in [row["job"] for row in laptop.call_json("list", "--ap", "ap")]


def test_r3_a_session_whose_files_do_not_come_back_is_not_said_to_have_left_them(laptop, new_session):
    session = new_session().submit("", 'transfer_output_files = ""', without="transfer_output_files")
    session.ready(120)
    session.inside("sh", "-c", "echo mine >notebooks/mine.txt")
    stopped = laptop.call("stop", session.job)
    assert stopped.returncode == 0, stopped
    assert session.file("notebooks/mine.txt") is None
    assert "The notebooks are" not in stopped.stdout
    assert "Nothing of the job came back" in stopped.stdout


def test_r15_a_job_that_is_no_session_is_stopped_without_naming_a_folder_that_is_not_there(laptop, pool):
    folder = f"/home/alice/{laptop.name}"
    pool.put("ap", f"{folder}/own.sub", SLEEPER.replace("NAME", laptop.name).encode(), "alice")
    job = pool.exec("ap", ["condor_submit", "-terse", "own.sub"], user="alice", cwd=folder, check=True).stdout.split()[
        0
    ]
    wait_for(lambda: pool.exec("ap", ["condor_q", job, "-af", "JobStatus"]).stdout.strip() == "2", 60, "it to run")
    stopped = laptop.call("stop", laptop.name)
    assert stopped.returncode == 0, stopped
    assert "The notebooks are" not in stopped.stdout
    assert f"No notebooks came back: there is no folder {folder}/notebooks on ap." in stopped.stdout
    laptop.on_ap("rm", "-r", folder)


def test_r24_of_several_outputs_the_folder_of_the_notebooks_is_named(laptop, new_session):
    session = new_session().submit("", "transfer_output_files = results, notebooks", without="transfer_output_files")
    session.ready(120)
    session.inside("sh", "-c", "mkdir results; echo mine >notebooks/mine.txt")
    stopped = laptop.call("stop", session.job)
    assert f"The notebooks are on ap, in {session.folder}/notebooks." in stopped.stdout, stopped
    assert session.file("notebooks/mine.txt") == "mine\n"


def test_r29_a_job_that_stays_in_the_queue_after_its_end_has_no_row_and_is_told_of(laptop, new_session):
    name = f"leave{laptop.name}"
    lines = ("leave_in_queue = true", f'My.JupyterName = "{name}"')
    session = new_session().submit("", *lines)
    with kept_in_queue(session):
        session.ready(120)
        assert [row["state"] for row in laptop.call_json("list") if row["name"] == name] == ["ready"]
        session.inside("jupyter-session", "stop")
        wait_for(session.log.has_ended, 60, "it to end")
        for _ in range(2):
            assert [row for row in laptop.call_json("list") if row["name"] == name] == []
        told = laptop.call("status", name)
        assert "stopped by its user" in told.stdout, told
        assert f"The notebooks are on ap, in {session.folder}/notebooks." in told.stdout
        assert laptop.call("stop", name).returncode == 22


def test_stop_of_a_job_that_never_ran_speaks_of_no_notebooks(laptop):
    running = laptop.start("--memory", "100GB")
    running.wait_for("queued")
    stopped = laptop.call("stop")
    assert stopped.returncode == 0, stopped
    said = stopped.stdout + stopped.stderr
    assert "was removed before it ran" in said
    assert "notebooks" not in said.replace(laptop.folder, "")
    told = laptop.call("status", laptop.name).stdout
    assert ("via condor_rm (by user alice)" in told, "It never ran." in told) == (True, True), told


def test_list_shows_when_each_session_ends_and_what_extend_has_set(laptop):
    laptop.env["COLUMNS"] = "250"  # no column of the table is folded
    running = laptop.start("--idle-timeout", "90m", "--max-runtime", "5h", "--image", SHARED_IMAGE)
    running.url()
    wait_for(lambda: "1 h 30 min after last use" in " ".join(laptop.call("list").stdout.split()), 60, "the idle rule")
    row = next(row for row in laptop.call_json("list") if row["name"] == laptop.name)
    assert (row["idle_timeout"], row["kept_until"]) == (5400, None)
    assert 4 * 3600 < row["stops"] - time.time() < 5 * 3600 + 60
    assert laptop.call("extend", "3h").returncode == 0

    def kept():
        return next(row for row in laptop.call_json("list") if row["name"] == laptop.name)["kept_until"]

    until = wait_for(kept, 30, "what extend has set")
    assert abs(until - time.time() - 3 * 3600) < 120
    assert "not before" in laptop.call("list").stdout
