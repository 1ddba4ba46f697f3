"""The configuration that submit/operators has for operators does what it says."""

import json
import re
import time

import pytest

from chtc_condor.codes import HoldReasonCode, JobStatus
from support.hosts import ROOT, SHARED_IMAGE
from support.session import sessions
from support.tunnel import URL
from support.waiting import wait_for

OPERATORS = ROOT / "submit/operators"
#: Runs in the job: sets an attribute, to show that it can, and tries to give the job more time.
CHIRP = """
from jupyter_session.condor.chirp import ChirpClient
from jupyter_session.condor.chirp_errors import ChirpError
for name in ("JupyterProbe", "JupyterCeiling"):
    try:
        with ChirpClient.connect() as chirp:
            chirp.set_attributes({name: 99999})
    except ChirpError as error:
        print(name, error)
"""
#: Runs in the job: tries what chirp can do to files, here and there, and prints how each request was answered.
FILES = """
import json, sys
from jupyter_session.condor.chirp import ChirpClient
from jupyter_session.condor.chirp_errors import ChirpError
answers = {}
for folder in ("notebooks", sys.argv[1]):
    here = folder + "/own.txt"
    for name, *request in (
        ("look", "stat", here), ("list", "getdir", folder), ("read", "open", here, b"r", 0),
        ("make", "open", here + ".new", b"wcx", 0o600), ("folder", "mkdir", here + ".folder", 0o700),
        ("rename", "rename", here, here + ".moved"), ("permit", "chmod", here, 0o666), ("remove", "unlink", here),
    ):
        try:
            with ChirpClient.connect() as chirp:
                chirp._ask(*request)
            answers[f"{name} in {folder}"] = "done"
        except ChirpError as error:
            answers[f"{name} in {folder}"] = f"refused: {error}"
print(json.dumps(answers))
"""
#: Runs in the job: tries to change what the job may do.
SET = """
import sys
from jupyter_session.condor.chirp import ChirpClient
from jupyter_session.condor.chirp_errors import ChirpError
try:
    with ChirpClient.connect() as chirp:
        chirp._ask("set_job_attr", sys.argv[1], b"true" if sys.argv[1] == "WantIOProxy" else b"false")
except ChirpError as error:
    print(error)
"""
pytestmark = pytest.mark.timeout(300)


def install(pool, host, name, *adapted):
    """Install a file as it is, and lines of another one after it in which an operator has adapted it."""
    pool.copy(host, OPERATORS / name, f"/etc/condor/config.d/80-{name}")
    pool.put(host, f"/etc/condor/config.d/90-{name}", "".join(f"{line}\n" for line in adapted).encode())
    pool.exec(host, ["condor_reconfig"], check=True)


@pytest.mark.slow
def test_a_session_takes_its_port_from_the_range_of_the_machine(own_pool):
    install(own_pool, "ep1", "sessions-ep.conf", 'STARTER_JOB_ENVIRONMENT = "JUPYTER_SESSION_PORT_RANGE=21500-21501"')
    with sessions(own_pool) as new:
        for session in (first := new().submit(), second := new().submit()):
            session.ready(120)
        assert {first.ad()["JupyterPort"], second.ad()["JupyterPort"]} == {21500, 21501}
        third = new().submit()
        assert "No free port on 127.0.0.1 in 21500-21501" in third.wait_state("failed", seconds=120)["JupyterReason"]


@pytest.mark.slow
def test_limits_hold_for_sessions_and_for_nothing_else(own_pool):
    adapted = ["JUPYTER_LONGEST = 100", "JUPYTER_GRACE = -60", "PERIODIC_EXPR_INTERVAL = 5"]
    install(own_pool, "ap", "sessions-ap.conf", *adapted)
    install(own_pool, "ap", "sessions-cm.conf", "CONCURRENCY_LIMIT_DEFAULT_JUPYTER_USER = 1")
    with sessions(own_pool) as new:
        first, second, bobs = new().submit("", "concurrency_limits = license"), new().submit(), new("bob").submit()
        ad = first.ready(120)
        assert ad["ConcurrencyLimits"] == "license,jupyter_user.alice,jupyter_all"
        assert (ad["AllowedExecuteDuration"], ad["JupyterCeiling"]) == (100, 40)
        assert ad["JupyterDeadline"] - time.time() < 100
        bobs.ready(120)
        assert second.ad()["JobStatus"] == JobStatus.IDLE
        first.ap("condor_qedit", first.job, "JupyterCeiling", "99999")
        refused = first.python(CHIRP)

        gone = first.wait_gone(120)
        assert (gone["JobStatus"], gone["JupyterProbe"], gone["JupyterCeiling"]) == (JobStatus.REMOVED, 99999, 40), (
            refused
        )
        assert gone["RemoveReason"] == "The session reached the longest time that a session may run in this pool"
        second.ready(120)

        other = "executable = /bin/true\nuniverse = vanilla\nqueue\n"
        own_pool.put("ap", f"{first.folder}/other.sub", other.encode(), "alice")
        job = first.ap("condor_submit", "-terse", "other.sub", check=True).stdout.split()[0]
        shown = first.ap("condor_q", job, "-json").stdout or first.ap("condor_history", job, "-json").stdout
        assert not {"JupyterCeiling", "ConcurrencyLimits", "AllowedExecuteDuration"} & set(json.loads(shown)[0])


@pytest.mark.slow
def test_a_session_ends_in_order_before_the_longest_that_one_may_run(own_pool):
    install(own_pool, "ap", "sessions-ap.conf", "JUPYTER_LONGEST = 120")  # a quarter of it is for the end
    with sessions(own_pool) as new:
        session = new().submit("--idle-timeout never", "allowed_execute_duration = 600")
        session.ready(120)
        gone = session.wait_gone(200)
        assert (gone["JobStatus"], gone["JupyterEnd"], gone["ExitCode"]) == (JobStatus.COMPLETED, "deadline", 0)
        assert "allowed_execute_duration" in gone["JupyterReason"]


@pytest.mark.slow
def test_a_notebook_folder_that_is_too_large_to_bring_back_is_held_and_kept(own_pool):
    install(own_pool, "ap", "sessions-ap.conf", "MAX_TRANSFER_OUTPUT_MB = 5")
    with sessions(own_pool) as new:
        session = new().submit("--save-max-total 0")
        session.ready(120)
        session.inside("sh", "-c", "head -c 8000000 /dev/zero > notebooks/large.bin")
        session.inside("jupyter-session", "stop")
        code = session.wait_status(JobStatus.HELD, 120)["HoldReasonCode"]
        assert code == HoldReasonCode.MAX_TRANSFER_OUTPUT_SIZE_EXCEEDED
        wait_for(lambda: session.ad()["JupyterEnd"] == "user", 10, "its end to be known")


@pytest.mark.slow
def test_sessions_of_all_users_together_stay_within_the_pools_limit(own_pool):
    install(own_pool, "ap", "sessions-ap.conf", "PERIODIC_EXPR_INTERVAL = 5")
    install(own_pool, "ap", "sessions-cm.conf", "JUPYTER_ALL_LIMIT = 1")
    with sessions(own_pool) as new:
        first = new().submit()
        first.ready(120)
        waiting = new("bob").submit()
        wait_for(
            lambda: "oncurrency limit" in waiting.ad().get("LastRejMatchReason", ""), 120, "bob to be told to wait"
        )
        assert waiting.ad()["JobStatus"] == JobStatus.IDLE
        first.inside("jupyter-session", "stop")
        waiting.ready(180)


def test_a_session_that_would_bring_too_much_is_held_before_it_starts(own_pool):
    install(own_pool, "ap", "sessions-ap.conf", "MAX_TRANSFER_INPUT_MB = 50")
    with sessions(own_pool) as new:
        session = new().submit()
        code = session.wait_status(JobStatus.HELD, 120)["HoldReasonCode"]
        assert code == HoldReasonCode.MAX_TRANSFER_INPUT_SIZE_EXCEEDED
        assert not session.states()


@pytest.mark.slow
def test_transfers_beyond_the_limit_wait_for_their_turn(own_pool):
    # Without the throttle, by which a schedd that has just started lets one run at a time.
    install(own_pool, "ap", "sessions-ap.conf", "MAX_CONCURRENT_UPLOADS = 1", "FILE_TRANSFER_DISK_LOAD_THROTTLE =")
    folder = "/home/alice/transfers"
    submit = (
        "executable = /bin/true\ntransfer_input_files = large\nrequest_disk = 4GB\nrequest_memory = 100MB\n"
        "should_transfer_files = yes\nlog = $(Cluster).log\nqueue\n"
    )
    own_pool.put("ap", f"{folder}/job.sub", submit.encode(), "alice")
    own_pool.exec("ap", ["truncate", "-s", "2G", f"{folder}/large"], user="alice", check=True)

    def submitted():
        done = own_pool.exec("ap", ["condor_submit", "-terse", "job.sub"], user="alice", cwd=folder, check=True)
        return done.stdout.split()[0]

    def logged(job, words):
        return words in own_pool.exec("ap", ["cat", f"{folder}/{job.partition('.')[0]}.log"]).stdout

    def shadow(signal, job):
        return own_pool.exec("ap", ["pkill", signal, "-f", f"^condor_shadow .*{job} "], check=True)

    first = submitted()
    wait_for(lambda: logged(first, "Started transferring input"), 60, "the first transfer", every=0.1)
    shadow("-STOP", first)
    assert not logged(first, "Finished transferring input")
    second = submitted()
    wait_for(lambda: waits_for_transfer(own_pool, second), 90, "the second to wait")
    assert not logged(second, "Started transferring input")
    shadow("-CONT", first)
    wait_for(lambda: logged(second, "Finished transferring input"), 90, "the second transfer")


def waits_for_transfer(pool, job):
    return pool.exec("ap", ["condor_q", job, "-af", "TransferQueued"], user="alice").stdout == "true\n"


@pytest.mark.slow
def test_session_without_access_to_files_can_make_none_and_works(own_pool):
    install(own_pool, "ap", "sessions-no-files.conf")
    with sessions(own_pool) as new:
        session = new().submit()
        session.ready(120)
        outside = f"/home/{session.user}"
        own_pool.put("ap", f"{outside}/own.txt", b"mine\n", session.user)
        before = own_pool.exec("ap", ["find", outside, "-printf", "%p %m %l\\n"]).stdout

        answers = json.loads(session.python(FILES, outside))
        assert len(answers) == 16
        (answer,) = set(answers.values())  # to all the same, so it isn't that something doesn't exist
        assert answer.startswith("refused: ")
        assert own_pool.exec("ap", ["find", outside, "-printf", "%p %m %l\\n"]).stdout == before
        assert own_pool.path("ap", f"{outside}/own.txt").read_bytes() == b"mine\n"

        assert "JupyterProbe" not in session.python(CHIRP)  # attributes can still be set
        for name in ("WantIOProxy", "WantRemoteUpdates"):
            session.python(SET, name)
            assert session.ad()[name] == (name == "WantRemoteUpdates")
        assert URL.search(session.tunnel().url())
        assert "no access to files through chirp" in session.inside("jupyter-session", "status")
        session.inside("sh", "-c", "echo new >notebooks/new.txt")
        session.close_tunnels()
        session.inside("jupyter-session", "stop")
        assert session.wait_gone(120)["JupyterState"] == "stopped"
        assert session.file("notebooks/new.txt") == "new\n"


@pytest.mark.slow
def test_access_limited_to_some_folders_leaves_sessions_there_as_they_are(own_pool):
    limit = re.search(r"^ *(LIMIT_DIRECTORY_ACCESS = \S+)$", (ROOT / "docs/operators.md").read_text(), re.MULTILINE)[1]
    own_pool.put("ap", "/etc/condor/config.d/85-limit", f"{limit}\n".encode())
    own_pool.exec("ap", ["condor_reconfig"], check=True)
    with sessions(own_pool, "/home/alice/jupyter") as new:
        session = new()
        session.ap("cp", "--remove-destination", SHARED_IMAGE, "jupyter.sif", check=True)  # a link would lead elsewhere
        session.submit().ready(120)
        outside = "/home/alice"
        own_pool.put("ap", f"{outside}/own.txt", b"mine\n", session.user)
        answers = json.loads(session.python(FILES, outside))
        refused = {request for request, answer in answers.items() if answer.startswith("refused")}
        assert {f"{verb} in {outside}" for verb in ("read", "make", "folder", "rename", "remove")} <= refused
        assert own_pool.path("ap", f"{outside}/own.txt").read_bytes() == b"mine\n"
        session.inside("sh", "-c", "echo new >notebooks/new.txt")
        wait_for(lambda: session.file("notebooks/new.txt") == "new\n", 60, "save-back")
