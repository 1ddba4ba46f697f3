"""Pools of other kinds: the way from a laptop to a page, ssh, scp, the queue's words, and the notebooks at the end."""

import re
import shlex
import time

import pytest

from chtc_condor.codes import JobStatus
from jupyter_session.condor.connection import render_connect_line
from support.hosts import background
from support.kinds import COLUMNS, check_row, pool_of
from support.laptop import laptops
from support.screen import screen
from support.session import sessions
from support.tunnel import Tunnel
from support.waiting import wait_for
from testbed.artifacts import ssh_template
from testbed.pool.kinds import KINDS, USUAL

#: Kinds in which a session can't say in the queue what it does.
MUTE = ("no-chirp", "no-chirp-updates", "ep-23.9-no-chirp")
#: Kinds in which a session can't save while it runs.
UNSAVED = ("no-chirp", "no-chirp-io", "ep-23.9-no-chirp")
#: Kinds in which nobody can enter a session.
CLOSED = ("ep-23.9-closed",)
#: Kinds in which no job gets a machine.
UNMATCHED = ("manager-23.9",)
#: Kinds in which there is a way for all that a session is for.
WORKING = (USUAL, *(kind.name for kind in KINDS if kind.name not in (*CLOSED, *UNMATCHED)))
#: Only one of them in the default run: another one each day.
TODAY = WORKING[int(time.time() // 86400) % len(WORKING)]


def _mark(name):
    return pytest.param(name, marks=[] if name == TODAY else pytest.mark.slow, id=name)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", [_mark(name) for name in WORKING])
def test_each_way_to_a_session_and_back_on_a_pool_of_each_kind(kind):
    found = {}
    with pool_of(kind) as pool, laptops(pool) as new_laptop, sessions(pool) as new_session:
        laptop = new_laptop()
        running = laptop.start()
        own = new_session().submit("--idle-timeout 90s --idle-warning 5s")
        found["connect line"] = _connect(own, mute=kind in MUTE)
        url = running.url()
        found["attach line"] = _attach(own, laptop)
        assert laptop.answers(url)
        found["launcher"] = "yes"
        assert ("doesn't let jobs use chirp" in running.read()) is (kind in MUTE)

        listed = laptop.call_json("list", "--ap", "ap")
        said = {row["job"]: row for row in listed}[laptop.job()]
        assert ("has announced nothing" in said["why"]) is (kind in MUTE)
        state = "JupyterState" in own.ad()
        assert state is (kind not in MUTE)
        found["state in the queue"] = "yes" if state else "no"
        status = laptop.call("status", laptop.name).stdout
        assert status.startswith(("Idle for", "In use:")), status
        assert ("not saved while the session runs" in status) is (kind in UNSAVED), status

        found["`ssh`, `scp`"] = _enter(laptop)
        kept = pool.path("ap", f"{laptop.folder}/notebooks/new.txt")
        if kind not in UNSAVED:
            wait_for(lambda: kept.exists() and kept.read_text() == "kept", 60, "the file to be saved while it runs")
        assert laptop.queued() == [JobStatus.RUNNING]
        found["saved meanwhile"] = "yes" if kept.exists() else "no"
        doctor = laptop.call("doctor", "--ap", "ap").stdout
        assert re.search(r"^ok    the machine of job [0-9.]+ allows it, too$", doctor, re.MULTILINE), doctor

        assert laptop.call("stop", laptop.name).returncode == 0
        wait_for(lambda: not laptop.queued(), 60, "the job to end")
        assert kept.read_text() == "kept"

        assert own.wait_gone(180)["ExitCode"] == 0  # it was idle
        assert "idle" in own.output().lower(), own.output()
        assert own.receipt(), "its notebooks came back"
        found["idle end"] = "yes"
    check_row(kind, found)


def _connect(own, *, mute):
    """Paste the line to connect on the laptop, and open the page that it gives."""
    if mute:
        own.wait_status(JobStatus.RUNNING)
        line = render_connect_line(f"{own.user}@ap", own.job)
    else:
        line = own.ready()["JupyterConnect"]
    own.tunnels.append(Tunnel(own.pool, own.user, line))
    page = own.pool.exec("laptop", ["curl", "-sSL", "-c", "/dev/null", own.tunnels[0].url()], user=own.user)
    assert "JupyterLab" in page.stdout
    own.close_tunnels()
    return "the fixed one" if mute else "yes"


def _attach(own, laptop):
    """Paste the line to attach on the access point, or run the launcher's command where there is none."""
    line = own.ad().get("JupyterAttach")
    if line:
        own.pool.put("ap", f"{own.folder}/attach", f"{line}\n".encode(), own.user)
        host, command = "ap", f"bash {own.folder}/attach"
    else:
        words = [f"{name}={value}" for name, value in laptop.env.items()]
        host, command = "laptop", shlex.join(["env", *words, "chtc-jupyter", "attach", laptop.name])
    with screen(own.pool, host, own.user, command) as shown:
        shown.wait("ServerApp", 60)
    return "yes" if line else "`chtc-jupyter attach`"


def _enter(laptop):
    """Run a command by ssh and copy a file by scp."""
    pool = laptop.pool
    laptop.call("ssh-config", "--write")
    words = ["-F", f"{laptop.home}/.ssh/config"] if pool.path("laptop", f"{laptop.home}/.ssh").exists() else []
    name = f"jupyter-{laptop.job()}"
    inside = pool.exec("laptop", ["ssh", *words, name, "pwd; ls"], user="alice", env=laptop.env)
    assert "notebooks" in inside.stdout.split(), inside
    pool.put("laptop", f"{laptop.home}/new.txt", b"kept", "alice")
    argv = ["scp", *words, f"{laptop.home}/new.txt", f"{name}:notebooks/"]
    copied = pool.exec("laptop", argv, user="alice", env=laptop.env)
    assert copied.returncode == 0, copied
    return "yes"


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", CLOSED)
def test_each_way_says_in_a_sentence_that_nobody_can_enter_a_container(kind):
    with pool_of(kind) as pool, laptops(pool) as new_laptop, sessions(pool) as new_session:
        own = new_session().submit()
        laptop = new_laptop()
        started = laptop.start()
        ad = own.ready()
        line = Tunnel(pool, own.user, ad["JupyterConnect"]).wait_end(60)
        assert "failed: nobody can enter this job, not even its owner" in line
        attached = own.ap("sh", "-c", ad["JupyterAttach"]).stdout
        assert "nobody can enter this job" in attached
        assert started.wait_end(120) != 0
        [said] = [line for line in started.read().splitlines() if "setuid" in line]
        assert "an Apptainer that is setuid, and lets nobody into the job" in said
        ssh_template.set_up(pool, "alice")
        entered = pool.exec("laptop", ["ssh", f"jupyter-{own.job}", "true"], user="alice", timeout=90)
        assert entered.returncode == 255
        assert "setuid Apptainer" in entered.stderr
        assert own.ap("condor_rm", own.job).returncode == 0
        assert own.wait_gone(60)
    said = "no: nobody can enter"
    check_row(kind, dict.fromkeys(COLUMNS[:4], said) | {"saved meanwhile": "yes", "state in the queue": "yes"})


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", UNMATCHED)
def test_job_that_gets_no_machine_says_why(kind):
    with pool_of(kind) as pool, laptops(pool) as new_laptop:
        laptop = new_laptop()
        running = laptop.start()
        said = "the pool's central manager has HTCondor 23.9.6, which is older than that of the machines (25.14"
        running.wait_for(said, 60)
        assert said in laptop.call("status", laptop.name).stdout
    check_row(kind, dict.fromkeys(COLUMNS[:1], "no: no job gets a machine"))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_job_without_chirp_prints_the_line_that_its_ad_can_not_have():
    with pool_of("no-chirp") as pool, sessions(pool) as new_session:
        session = new_session().submit()
        session.wait_ad(lambda ad: ad.get("JobStatus") == 2, lambda: True, 60, "the job to run")
        line = wait_for(lambda: session.inside("jupyter-session", "connect").strip(), 60, "the line to connect")
        assert "JupyterConnect" not in session.ad()
        assert shlex.split(line)[:2] == ["sh", "-c"]
        ssh_template.set_up(pool, "alice")
        done = pool.exec("laptop", ["ssh", f"jupyter-{session.job}", "hostname"], user="alice", timeout=90)
        assert done.stdout == "ep1\n", done


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["no-pidns", "ep-23.9-no-pidns"])
def test_program_in_an_ssh_session_keeps_one_session_alive_where_containers_have_no_process_ids_of_their_own(kind):
    with pool_of(kind) as pool, sessions(pool) as new_session:
        busy, idle = (new_session().submit("--idle-timeout 60s --idle-warning 5s") for _ in range(2))
        ssh_template.set_up(pool, "alice")
        busy.ready()
        loop = ["ssh", f"jupyter-{busy.job}", "timeout 600 python3 -c 'while True: pass'"]
        with background(pool, "laptop", loop, "alice"):
            ask = ["ssh", f"jupyter-{busy.job}", "jupyter-session status"]
            status = lambda: pool.exec("laptop", ask, user="alice", timeout=90).stdout  # noqa: E731
            wait_for(lambda: "python" in status(), 30, lambda: f"the program to be seen: {status()}")
            idle.wait_gone(150)  # another session of the machine isn't kept alive by it
            assert "python" in status()
