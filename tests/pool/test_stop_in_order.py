"""`chtc-jupyter stop`: the session ends itself, whatever the submit file says, and HTCondor removes what can't."""

import json

import pytest

from chtc_condor.codes import JobEventType, JobStatus
from support.hosts import configure
from support.laptop import laptops
from support.session import sessions
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
#: Save-back leaves the large file for the end.
SMALL_FILES = '"--save-max-file 1MB"'
LARGE = "head -c 8000000 /dev/zero >notebooks/large.bin; echo small >notebooks/small.txt"


def laptop_of(new_laptop, user="alice"):
    laptop = new_laptop(user)
    laptop.call("config", "ap", "ap")
    return laptop


def size(session, name):
    found = session.pool.path("ap", f"{session.folder}/notebooks/{name}")
    return found.stat().st_size if found.exists() else None


def test_session_ends_from_inside_and_its_files_come_back_though_a_removal_would_lose_them(new_session, new_laptop):
    session = new_session().submit(SMALL_FILES, "when_to_transfer_output = ON_EXIT", without="when_to_transfer_output")
    session.ready(120)
    session.inside("sh", "-c", LARGE)
    stopped = laptop_of(new_laptop).call("stop", session.job)
    assert stopped.returncode == 0, stopped
    assert stopped.stdout == f"Job {session.job} has ended. The notebooks are on ap, in {session.folder}/notebooks.\n"
    ad = session.wait_gone()
    assert (ad["JobStatus"], ad["JupyterEnd"], ad["ExitCode"]) == (JobStatus.COMPLETED, "user", 0)
    assert size(session, "large.bin") == 8_000_000
    assert session.file("notebooks/small.txt") == "small\n"


@pytest.mark.parametrize("line", ["on_exit_remove = false", "leave_in_queue = true", "max_retries = 3"])
def test_a_job_that_would_stay_or_start_again_is_stopped_for_good(new_session, new_laptop, line):
    runs = (1, 2) if line.startswith("on_exit") else (1,)  # HTCondor may start it before it is removed
    session = new_session().submit("", line)
    session.ready(120)
    laptop = laptop_of(new_laptop)
    stopped = laptop.call("stop", session.job)
    assert (stopped.returncode, "The notebooks are on ap" in stopped.stdout) == (0, True), stopped
    left = session.ap("condor_q", session.job, "-af", "JobStatus").stdout.split()
    session.ap("condor_qedit", session.job, "LeaveJobInQueue", "false")
    assert left == ([str(JobStatus.COMPLETED.value)] if line.startswith("leave") else [])
    assert [event.type for event in session.log.events()].count(JobEventType.EXECUTE) in runs
    assert session.job not in [row["job"] for row in laptop.call_json("list")]


def test_a_suspended_job_and_one_on_hold_are_removed_with_what_came_back(new_session, new_laptop):
    laptop = laptop_of(new_laptop)
    for command, status in (("condor_suspend", JobStatus.SUSPENDED), ("condor_hold", JobStatus.HELD)):
        session = new_session().submit()
        session.ready(120)
        session.ap(command, session.job)
        session.wait_status(status, 90)
        stopped = laptop.call("stop", session.job)
        assert stopped.returncode == 0, stopped
        assert session.wait_gone()["JobStatus"] == JobStatus.REMOVED
        came_back = session.receipt().get("job") == session.job
        assert (f"The notebooks are on ap, in {session.folder}" in stopped.stdout) == came_back, stopped


@pytest.mark.slow
def test_a_session_that_hangs_is_removed_and_the_wait_is_told(new_session, new_laptop):
    session = new_session().submit("", "job_max_vacate_time = 10")
    session.ready(120)
    session.inside("sh", "-c", "kill -STOP $(pgrep -f '[j]upyter-session run')")
    stopped = laptop_of(new_laptop).call("stop", session.job, timeout=240)
    assert stopped.returncode == 0, stopped
    assert f"The session in job {session.job} didn't answer, so HTCondor removes the job" in stopped.stderr
    assert "asking the session to stop (20 s)" in stopped.stderr
    assert session.wait_gone()["JobStatus"] == JobStatus.REMOVED
    assert ("The notebooks are on ap" in stopped.stdout) == (session.receipt().get("job") == session.job)


def test_in_a_pool_without_ssh_into_jobs_it_is_removed_unless_that_loses_files(own_pool):
    configure(own_pool, "ep1", "ENABLE_SSH_TO_JOB = False")
    with sessions(own_pool) as new, laptops(own_pool) as new_laptop:
        laptop = laptop_of(new_laptop)
        stock = new().submit()
        lossy = new().submit("", "when_to_transfer_output = ON_EXIT", without="when_to_transfer_output")
        stock.ready(120)
        lossy.ready(120)
        stopped = laptop.call("stop", stock.job)
        assert (stopped.returncode, "The notebooks are on ap" in stopped.stdout) == (0, True), stopped
        assert f"This pool doesn't allow ssh into job {stock.job}, so HTCondor removes the job" in stopped.stderr
        refused = laptop.call("stop", lossy.job)
        assert (refused.returncode, "File > Shut Down" in refused.stderr, "--force" in refused.stderr) == (
            33,
            True,
            True,
        )
        assert lossy.ad()["JobStatus"] == JobStatus.RUNNING
        forced = laptop.call("stop", "--force", lossy.job)
        assert (forced.returncode, "Nothing" in forced.stdout) == (0, True), forced
        assert lossy.wait_gone()["JobStatus"] == JobStatus.REMOVED


def test_ctrl_c_during_a_stop_leaves_it_and_says_that_it_goes_on(new_session, new_laptop):
    session = new_session().submit()
    session.ready(120)
    laptop = laptop_of(new_laptop)
    stopping = laptop.run_on("stop", session.job, tty=True)
    stopping.wait_for("stopping:")
    for _ in range(3):
        stopping.type("\x03")
    assert stopping.wait_end() == 130, stopping.output
    assert "Traceback" not in stopping.output
    session.wait_gone()
    told = laptop.call("status", session.job)
    assert "stopped by its user" in told.stdout, told
    assert session.receipt()["job"] == session.job


def test_ctrl_c_before_the_session_is_asked_stops_nothing(new_session, new_laptop):
    session = new_session().submit()
    session.ready(120)
    session.inside("true")  # HTCondor lets people in
    stopping = laptop_of(new_laptop).run_on("stop", session.job, tty=True)
    stopping.wait_for("looking for files")
    stopping.type("\x03")
    assert stopping.wait_end() == 130, stopping.output
    assert "was not stopped" in stopping.output
    assert session.ad()["JupyterState"] == "ready"


def test_several_stops_at_once_end_one_session_once(new_session, new_laptop):
    session = new_session().submit()
    session.ready(120)
    laptop = laptop_of(new_laptop)
    both = [laptop.run_on("stop", session.job) for _ in range(2)]
    assert [one.wait_end(120) for one in both] == [0, 0], [one.output for one in both]
    assert session.wait_gone()["JobStatus"] == JobStatus.COMPLETED
    assert json.loads(session.file("notebooks/.jupyter-session/last-session.json"))["job"] == session.job


def test_an_interactive_session_is_stopped_from_another_terminal(new_laptop):
    laptop = laptop_of(new_laptop)
    running = laptop.start("--interactive", tty=True)
    running.url()
    laptop.inside("sh", "-c", "cd; echo kept >notebooks/kept.txt")
    stopped = laptop.call("stop")
    assert (stopped.returncode, "The notebooks are on ap" in stopped.stdout) == (0, True), stopped
    wait_for(lambda: not laptop.queued(), 60, "the job to go")
    assert laptop.on_ap("cat", f"{laptop.folder}/notebooks/kept.txt") == "kept\n"
