"""The first cells of a new user: what they install works in the session, or the cell says what to do instead."""

import base64
import json

import pytest

from support import kernels
from support.waiting import wait_for
from support.wheels import ANSWER, NAME, make_wheel
from testbed.artifacts import xeus_python

INSTALL = ("%pip install", "!pip install", "!pip install --user", "!python -m pip install")
LASTS = "these packages last until this session ends"


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
        assert installed.text.count(LASTS) == 1, installed
        assert used == ("ok", str(ANSWER)), line
        assert command.text.strip() == str(ANSWER), line
        assert "Successfully uninstalled" in uninstalled.text
        assert forgotten.status == "ok"

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
        assert LASTS not in answer.text

    other = session.start_kernel()  # as after a restart
    assert kernels.ask(session, other, use).text == str(ANSWER)
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["ExitCode"] == 0
    left = session.ap("sh", "-c", "ls -A . notebooks").stdout
    assert "tiny" not in left
    assert ".python" not in left


def test_kernel_that_reads_short_socket_paths_only_answers(new_session):
    session = new_session().submit()
    session.ready()
    wheels = xeus_python.build()
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


@pytest.mark.parametrize("how", ["restart", "delete"])
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
