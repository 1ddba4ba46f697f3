"""A Python environment of the user's own in the notebook folder is a kernel."""

import base64
import json

import pytest

from support import kernels
from support.waiting import wait_for
from support.wheels import ANSWER, NAME, make_wheel

#: Makes an environment without a network: ipykernel and what it needs are links to the image's.
MAKE = """
set -e
cd notebooks
/opt/jupyter/bin/python -m venv --without-pip mine
ln -s /opt/jupyter/lib/python3*/site-packages/* mine/lib/python3*/site-packages/
"""


def kernels_by_title(session):
    specs = json.loads(session.request("/api/kernelspecs"))["kernelspecs"]
    return {spec["spec"]["display_name"]: name for name, spec in specs.items()}


@pytest.mark.slow
def test_environment_made_in_the_notebook_folder_is_a_kernel_and_comes_back(new_session):
    session = new_session().submit("--idle-timeout 60s")  # a tenth of which is how often it looks
    session.ready()
    assert "Python (mine)" not in kernels_by_title(session)
    session.inside("sh", "-c", MAKE)
    found = wait_for(lambda: kernels_by_title(session).get("Python (mine)"), 20, "the kernel")
    kernel = json.loads(session.request("/api/kernels", "POST", json.dumps({"name": found})))["id"]
    session.execute(kernel, "import sys; print(sys.prefix, file=open('prefix', 'w'), flush=True)")
    wait_for(lambda: "prefix" in session.request("/api/contents"), 20, "the cell to have run")
    session.save_notebook("kept.ipynb", "kept")
    session.remove()
    assert session.ad()["JupyterState"] == "stopped"
    assert session.file("notebooks/prefix").rstrip().endswith("/notebooks/mine")
    assert session.has_notebook("kept.ipynb", "kept")


def test_environment_works_in_the_next_session_and_travels_as_one_file(new_session):
    session = new_session().submit("--idle-timeout 60s")
    session.ready()
    wheel = base64.b64encode(make_wheel()).decode()
    session.inside(
        "sh",
        "-c",
        f"set -e; /opt/jupyter/bin/python -m venv notebooks/mine; echo {wheel} | base64 -d >{NAME};"
        f" notebooks/mine/bin/pip install --no-index ./{NAME};"
        " ln -sn /opt/jupyter/lib/python3*/site-packages/* notebooks/mine/lib/python3*/site-packages/ || true;",
    )
    count = int(session.inside("sh", "-c", "find notebooks/mine -type f | wc -l"))
    assert count > 300
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["ExitCode"] == 0
    left = session.ap("sh", "-c", "cd notebooks; find . -name '*mine*'; find . -type f | wc -l").stdout.split()
    assert left[0] == "./.jupyter-session/environment-mine.tar.zst"
    assert int(left[-1]) < count / 50

    session.submit("--idle-timeout 60s")
    session.ready()
    name = wait_for(lambda: kernels_by_title(session).get("Python (mine)"), 20, "the kernel")
    kernel = kernels.start_kernel(session, name)
    folder = session.inside("pwd").strip() + "/notebooks/mine"
    answer = kernels.ask(session, kernel, "import sys, tiny_thing; print(sys.prefix, tiny_thing.answer())")
    assert answer.text.split() == [folder, str(ANSWER)]
    assert session.inside("notebooks/mine/bin/tiny-thing").strip() == str(ANSWER)
    assert session.inside("notebooks/mine/bin/pip", "--version").startswith("pip ")
    assert session.inside("sh", "-c", ". notebooks/mine/bin/activate; which pip").strip() == f"{folder}/bin/pip"
