"""Pools of other kinds: the way from a laptop to a page, ssh, scp, the queue's words, and the notebooks at the end."""

import re
import shlex
import time

import pytest

from support.hosts import background
from support.kinds import pool_of
from support.laptop import laptops
from support.session import sessions
from support.tunnel import Tunnel
from support.waiting import wait_for
from testbed.artifacts import ssh_template
from testbed.pool.kinds import KINDS

#: Kinds in which a session can't say in the queue what it does.
MUTE = ("no-chirp",)
#: Kinds in which all of this works.
WORKING = ("no-chirp", "ep-23.9", "no-pidns", "shared-tmp", "pilot")
#: Only one of them in the default run: another one each day.
TODAY = WORKING[int(time.time() // 86400) % len(WORKING)]


def _mark(name):
    return pytest.param(name, marks=[] if name == TODAY else pytest.mark.slow, id=name)


def test_each_kind_that_is_tested_is_one_that_a_pool_can_be():
    assert {kind.name for kind in KINDS} >= {*WORKING, *MUTE}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", [_mark(name) for name in WORKING])
def test_launcher_reaches_a_page_a_shell_and_the_notebooks_on_a_pool_of_each_kind(kind):
    with pool_of(kind) as pool, laptops(pool) as new_laptop, sessions(pool) as new_session:
        own = new_session().submit("--idle-timeout 60s --idle-warning 5s")
        laptop = new_laptop()
        running = laptop.start()
        if kind in MUTE:
            line = wait_for(lambda: own.inside("jupyter-session", "connect").strip(), 60, "the line to connect")
        else:
            line = own.ready()["JupyterConnect"]
        own.tunnels.append(Tunnel(pool, own.user, line))
        page = pool.exec("laptop", ["curl", "-sSL", "-c", "/dev/null", own.tunnels[0].url()], user=own.user)
        assert "JupyterLab" in page.stdout
        own.close_tunnels()

        assert laptop.answers(running.url())
        assert ("doesn't let jobs use chirp" in running.read()) is (kind in MUTE)

        listed = laptop.call_json("list", "--ap", "ap")
        said = {row["job"]: row for row in listed}[laptop.job()]
        assert ("has announced nothing" in said["why"]) is (kind in MUTE)
        status = laptop.call("status", laptop.name).stdout
        assert status.startswith(("Idle for", "In use:"))
        assert ("not saved while the session runs" in status) is (kind in MUTE)

        laptop.call("ssh-config", "--write")
        ssh_words = ["-F", f"{laptop.home}/.ssh/config"] if pool.path("laptop", f"{laptop.home}/.ssh").exists() else []
        name = f"jupyter-{laptop.job()}"
        inside = pool.exec("laptop", ["ssh", *ssh_words, name, "pwd; ls"], user="alice", env=laptop.env)
        assert "notebooks" in inside.stdout.split(), inside
        pool.put("laptop", f"{laptop.home}/new.txt", b"kept", "alice")
        copied = pool.exec(
            "laptop", ["scp", *ssh_words, f"{laptop.home}/new.txt", f"{name}:notebooks/"], user="alice", env=laptop.env
        )
        assert copied.returncode == 0, copied
        doctor = laptop.call("doctor", "--ap", "ap").stdout
        assert re.search(r"^ok    the machine of job [0-9.]+ allows it, too$", doctor, re.MULTILINE), doctor

        assert laptop.call("stop", laptop.name).returncode == 0
        wait_for(lambda: not laptop.queued(), 60, "the job to end")
        assert laptop.on_ap("cat", f"{laptop.folder}/notebooks/new.txt") == "kept"

        assert own.wait_gone(150)["ExitCode"] == 0  # it was idle
        assert "idle" in own.output().lower(), own.output()


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
def test_program_in_an_ssh_session_keeps_one_session_alive_where_containers_have_no_process_ids_of_their_own():
    with pool_of("no-pidns") as pool, sessions(pool) as new_session:
        busy, idle = (new_session().submit("--idle-timeout 60s --idle-warning 5s") for _ in range(2))
        ssh_template.set_up(pool, "alice")
        busy.ready()
        loop = ["ssh", f"jupyter-{busy.job}", "timeout 100 python3 -c 'while True: pass'"]
        with background(pool, "laptop", loop, "alice"):
            wait_for(lambda: "python" in busy.inside("jupyter-session", "status"), 30, "the program to be seen")
            idle.wait_gone(150)  # another session of the machine isn't kept alive by it
            assert "In use:" in busy.inside("jupyter-session", "status")
