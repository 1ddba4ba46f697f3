"""Queues that answer with everybody's jobs, and users whom HTCondor lets act on them: only one's own is touched."""

import contextlib
import json

import pytest

from chtc_condor.codes import JobStatus
from support.hosts import configure
from support.laptop import laptops
from support.waiting import wait_for
from testbed.artifacts import ssh_template

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
#: What alice may do, and what is shown of everybody's jobs.
OPEN = ("QUEUE_SUPER_USERS = root, condor, alice", "CONDOR_Q_ONLY_MY_JOBS = false")
VERBS = (["status"], ["stop"], ["stop", "--force"], ["logs"], ["extend", "2h"], ["connect", "--no-browser"])


@contextlib.contextmanager
def open_queue(pool):
    """Yield the laptops of bob, whose session is ready, and of alice, who has none, on a pool that hides nothing."""
    configure(pool, "ap", *OPEN)
    with laptops(pool) as new:
        bob, alice = new("bob"), new("alice")
        alice.name = bob.name
        running = bob.start()
        url = running.url()
        alice.call("config", "ap", "ap")
        wait_for(lambda: seen(pool, bob.job())["JupyterState"] == "ready", 60, "the session to be ready")
        assert pool.exec("ap", ["condor_q", bob.job(), "-af", "Owner"], user="alice").stdout.strip() == "bob"
        yield bob, alice, url


def seen(pool, job):
    """Return what a command on a job would change, as the queue has it."""
    names = "JobStatus,NumJobStarts,JupyterState,JupyterReason,JupyterStopAt,JupyterEnd,RemoveReason,HoldReason"
    asked = pool.exec("ap", ["condor_q", "-allusers", job, "-json", "-attributes", names], check=True)
    return json.loads(asked.stdout)[0]


def is_untouched(pool, bob, url, before):
    assert seen(pool, bob.job()) == before
    assert json.loads(bob.inside("jupyter-session", "status", "--json"))["keep_alive_until"] is None
    return bob.answers(url)


def shows_nothing_of(bob, done):
    """Assert that a command has printed nothing of bob's session."""
    said = done.stdout + done.stderr
    assert "ep1" not in said, done
    assert "/home/bob" not in said, done
    assert "JupyterLab" not in said, done
    return True


def test_no_verb_of_a_queue_superuser_acts_on_or_shows_the_session_of_another_user(own_pool):
    with open_queue(own_pool) as (bob, alice, url):
        job, before = bob.job(), seen(own_pool, bob.job())
        for verb in VERBS:
            for which in ([], [bob.name], [job], [job.removesuffix(".0")]):
                done = alice.call(*verb, *which)
                assert done.returncode == 22, (verb, which, done)
                assert shows_nothing_of(bob, done)
                assert ("isn't yours: it is a job of the user bob" in done.stderr) == (which not in ([], [bob.name]))
        listed = alice.call("list")
        assert "There are no sessions." in listed.stderr
        assert shows_nothing_of(bob, listed)
        assert alice.call_json("list") == []
        for verb in (["url"], ["forget"]):
            assert alice.call(*verb, bob.name).returncode == 22
        assert job not in alice.call("doctor", "--json").stdout
        ssh_template.set_up(own_pool, "alice")
        refused = own_pool.exec("laptop", ["ssh", f"jupyter-{job}", "hostname"], user="alice", timeout=120)
        assert (refused.returncode != 0, refused.stdout) == (True, "")
        assert f"job {job} is not yours" in refused.stderr
        assert is_untouched(own_pool, bob, url, before)


def test_name_of_another_users_session_is_free_and_each_ends_their_own(own_pool):
    with open_queue(own_pool) as (bob, alice, url):
        before = seen(own_pool, bob.job())
        own = alice.start()
        address = own.url()
        assert [row["job"] for row in alice.call_json("list")] == [alice.job()]
        assert alice.call_json("status")[0]["state"] == "ready"
        assert f"/{alice.name}/" not in alice.call("logs").stdout.replace("/home/alice", "")
        assert alice.call("extend", "1h").returncode == 0
        assert alice.answers(address)
        stopped = alice.call("stop")
        assert (stopped.returncode, f"{alice.folder}/notebooks" in stopped.stdout) == (0, True), stopped
        assert own.wait_end() == 0
        assert alice.queued() == [JobStatus.RUNNING]  # bob's, which the queue shows to alice
        assert is_untouched(own_pool, bob, url, before)


def test_job_id_that_is_another_users_by_now_is_told_as_a_session_that_has_ended(own_pool):
    with open_queue(own_pool) as (bob, alice, url):
        job, before = bob.job(), seen(own_pool, bob.job())
        for verb in (*VERBS, ["list"]):
            record = {
                "name": "old",
                "ap": "ap",
                "job": job,
                "log": "/home/alice/gone.log",
                "notebooks": "/home/alice/gone",
            }
            path = f"{alice.home}/state/chtc-jupyter/sessions/old.json"
            own_pool.put("laptop", path, json.dumps(record).encode(), "alice", 0o600)
            done = alice.call(*verb, *(["old"] if verb != ["list"] else []))
            assert done.returncode == (0 if verb[0] in ("status", "logs", "list") else 22), (verb, done)
            assert shows_nothing_of(bob, done)
            assert f"old (job {job}) is no longer in the queue" in done.stdout + done.stderr
        assert is_untouched(own_pool, bob, url, before)
