"""The first cells of a new user: what they install works in the session, or the cell says what to do instead."""

import base64
import json

import pytest

from support import kernels
from support.waiting import wait_for
from support.wheels import ANSWER, BULKY, NAME, make_bulky_wheel, make_wheel
from testbed.artifacts.wheels import XEUS_PYTHON

INSTALL = ("%pip install", "!pip install", "!pip install --user", "!python -m pip install")
KEPT = "these packages are kept in the notebook folder"

#: Kills pip while it installs a package of many files.
KILL = """
import pathlib, subprocess, sys, sysconfig, time
folder = pathlib.Path(sysconfig.get_path("purelib"), "bulky")
# It must not be faster than the look at what it has done.
pip = subprocess.Popen(["nice", "-n", "19", sys.executable, "-m", "pip", "install", "--no-index", "{wheel}"])
while not folder.exists() or not any(folder.iterdir()):
    time.sleep(0.01)
pip.{how}
assert not any(folder.parent.glob("bulky-*/RECORD")), "pip was faster than the test"
"""


def send(session, name, data):
    """Put a file of these bytes into the scratch folder of the job."""
    done = session.pool.exec(
        "ap",
        ["condor_ssh_to_job", "-auto-retry", session.job, f"base64 -d >{name}"],
        user=session.user,
        input=base64.b64encode(data).decode(),
        timeout=120,
    )
    assert done.returncode == 0, done


def test_first_cells_of_a_new_user_work_or_say_what_to_do(new_session):
    session = new_session().submit()
    session.ready()
    send(session, NAME, make_wheel())
    wheel = f"{session.inside('pwd').strip()}/{NAME}"
    kernel = session.start_kernel()
    use = "import tiny_thing; tiny_thing.answer()"
    forget = "import sys; del tiny_thing, sys.modules['tiny_thing']"
    cells = [
        (f"{line} --no-index {wheel}", use, "!tiny-thing", "!pip uninstall -y tiny-thing", forget) for line in INSTALL
    ]
    answers = kernels.ask_all(session, kernel, *(cell for group in cells for cell in group), seconds=60)
    for line, group in zip(INSTALL, zip(*[iter(answers)] * len(cells[0]), strict=True), strict=True):
        installed, used, command, uninstalled, forgotten = group
        assert "Successfully installed tiny-thing-1.0" in installed.text, installed
        assert installed.text.count(KEPT) == 1, installed
        assert used == ("ok", str(ANSWER)), line
        assert command.text.strip() == str(ANSWER), line
        assert "Successfully uninstalled" in uninstalled.text
        assert forgotten.status == "ok"

    cores = "import os, concurrent.futures; print(os.cpu_count(), os.process_cpu_count())"
    assert kernels.ask(session, kernel, cores).text.split() == ["1", "1"]  # what the job asks for
    instead = {
        "%pip install --no-index not-there": "No matching distribution found",
        "import torch": "`%pip install torch`",
        "import torch.nn as nn": "see PACKAGES in Apptainer.def",
        "%conda install tqdm": "%pip install",
        "!conda activate mine": "This image has no conda. Run pip install NAME",
        "!mamba install tqdm": "This image has no mamba.",
        "!apt-get install -y graphviz": "A session can't run apt-get install, because its image is read-only",
        "!apt-get --version": "apt ",
    }
    answers = kernels.ask_all(session, kernel, *instead, f"!pip install --no-index {wheel}", seconds=60)
    for answer, text in zip(answers, instead.values(), strict=False):
        assert text in answer.text, answer
        assert KEPT not in answer.text

    other = session.start_kernel()  # as after a restart
    assert kernels.ask(session, other, use).text == str(ANSWER)
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["ExitCode"] == 0
    left = session.ap("sh", "-c", "ls -A . notebooks").stdout
    assert "tiny" not in left
    assert ".python" not in left


@pytest.mark.slow
def test_kernel_that_reads_short_socket_paths_only_answers(new_session):
    session = new_session().submit()
    session.ready()
    wheels = XEUS_PYTHON.build()
    for wheel in sorted(wheels.path.glob("*.whl")):
        send(session, wheel.name, wheel.read_bytes())
    said = session.inside("sh", "-c", "PATH=$(echo .python-*/bin):$PATH pip install --no-index --no-deps *.whl")
    assert "Successfully installed" in said
    wait_for(lambda: "xpython" in session.request("/api/kernelspecs"), 20, "the kernel to be offered")
    kernel = kernels.start_kernel(session, "xpython")
    assert kernels.ask(session, kernel, "print(6*7)").text.strip() == "42"
    paths = session.inside("sh", "-c", "ls -d /tmp/js??????/*").split()
    assert len(paths) >= 5
    assert max(map(len, paths)) <= 18
    assert session.inside("sh", "-c", "stat -c %a /tmp/js??????").split() == ["700"]


def test_what_is_installed_is_there_in_the_next_session(new_session):
    session = new_session().submit()
    session.ready()
    send(session, NAME, make_wheel())
    wheel = f"{session.inside('pwd').strip()}/{NAME}"
    kernel = session.start_kernel()
    assert "Successfully installed" in kernels.ask(session, kernel, f"%pip install --no-index {wheel}", 60).text

    def archives():
        return session.ap("sh", "-c", "ls notebooks/.jupyter-session/packages-*.tar.zst").stdout.split()

    wait_for(archives, 60, "save-back to bring the archive to the access point, while the session runs")
    session.remove()
    assert len(archives()) == 1

    session.submit()
    session.ready()
    assert kernels.ask(session, session.start_kernel(), "import tiny_thing; tiny_thing.answer()").text == str(ANSWER)
    assert "tiny-thing  1.0" in session.inside("jupyter-session", "packages")
    # The wheel was in the last job's folder, so no other session has it.
    exported = session.inside("jupyter-session", "packages", "export")
    assert exported.startswith("# Not to be had in another session: tiny-thing==1.0, from file://")
    said = session.inside("jupyter-session", "packages", "reset")
    assert said == "1 packages are removed. Restart the kernels that have imported them.\n"
    assert session.inside("jupyter-session", "packages").startswith("0 packages")
    session.remove()

    session.submit()
    session.ready()
    assert "No module" in kernels.ask(session, session.start_kernel(), "import tiny_thing").text
    assert session.inside("jupyter-session", "packages").startswith("0 packages")


def stop_pip(new_session, how):
    """Return a session that has packed one package, and in which pip was stopped in the middle of another."""
    session = new_session().submit()
    session.ready()
    send(session, NAME, make_wheel())
    send(session, BULKY, make_bulky_wheel())
    folder = session.inside("pwd").strip()
    kernel = session.start_kernel()
    assert "Successfully installed" in kernels.ask(session, kernel, f"%pip install --no-index {folder}/{NAME}", 60).text
    wait_for(lambda: "packages-" in session.ap("ls", "notebooks/.jupyter-session").stdout, 60, "the archive")
    killed = kernels.ask(session, kernel, KILL.format(wheel=f"{folder}/{BULKY}", how=how), 60)
    assert killed.status == "ok", killed
    return session


def assert_what_was_packed_is_there(session):
    kernel = session.start_kernel()
    assert kernels.ask(session, kernel, "import tiny_thing; tiny_thing.answer()").text == str(ANSWER)
    assert "No module" in kernels.ask(session, kernel, "import bulky").text


@pytest.mark.slow
def test_pip_that_is_killed_leaves_what_was_packed_before(new_session):
    session = stop_pip(new_session, "kill()")
    told = wait_for(
        lambda: [warning for warning in session.status()["warnings"] if "bulky" in warning],
        60,
        "the warning",
    )
    assert "An installer was stopped before it had finished with bulky. What was packed before is kept." in told[0]
    session.remove()

    session.submit()
    session.ready()
    assert_what_was_packed_is_there(session)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("options", [(), ("-fast",)], ids=["in order", "at once"])
def test_eviction_while_pip_is_at_work_leaves_what_was_packed_before(options, new_session):
    session = stop_pip(new_session, "send_signal(19)")  # it stays half-way
    evicted = len(session.states())
    session.ap("condor_vacate_job", *options, session.job, check=True)
    wait_for(lambda: "ready" in session.states()[evicted:], 120, "a second start")
    assert_what_was_packed_is_there(session)


@pytest.mark.parametrize("how", ["delete", pytest.param("restart", marks=pytest.mark.slow)])
def test_sockets_of_a_kernel_go_with_it(how, new_session):
    session = new_session().submit()
    session.ready()
    kernel = session.start_kernel()
    path = json.loads(session.inside("sh", "-c", f"cat /tmp/jupyter-session-*/runtime/kernel-{kernel}.json"))["ip"]
    assert kernels.ask(session, kernel, "6*7").text == "42"
    if how == "restart":
        session.request(f"/api/kernels/{kernel}/restart", "POST", "{}")
        assert kernels.ask(session, kernel, "6*7").text == "42"
    else:
        session.request(f"/api/kernels/{kernel}", "DELETE")
        wait_for(lambda: not session.inside("sh", "-c", f"ls {path}-*"), 20, "the sockets to have gone")
