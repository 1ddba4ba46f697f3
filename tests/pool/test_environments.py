"""A Python environment of the user's own in the notebook folder is a kernel."""

import json

from support.waiting import wait_for

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
