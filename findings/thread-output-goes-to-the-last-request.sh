#!/bin/sh
# ipykernel 7.4.0: what a thread prints after the cell that started it has ended isn't published with that cell's request as
# its parent, but with the last request of all that the kernel took, whoever sent it and whatever it was. A `kernel_info`
# request of another client, as each browser page and each monitor sends, is enough: JupyterLab then shows the thread's
# output nowhere, and what records a notebook by the parents of messages loses it. (On a Python whose threads inherit the
# context of the one that starts them, the cell's request stays the parent; Python 3.11 to 3.13 don't do that.)
#
# Seen:
#   printed while nobody else asks anything: execute_request of the cell
#   printed after another client's kernel_info: kernel_info_request of another client
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.1.0
JUPYTER_RUNTIME_DIR=$folder JUPYTER_DATA_DIR=$folder IPYTHONDIR=$folder
export JUPYTER_RUNTIME_DIR JUPYTER_DATA_DIR IPYTHONDIR
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess

from jupyter_client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

CELL = """
import threading
def wait_and_print():
    go.wait(60)
    print("late", flush=True)
go = threading.Event()
threading.Thread(target=wait_and_print).start()
threading.Timer({}, go.set).start()
"""
manager, client = start_new_kernel(startup_timeout=60, stderr=subprocess.DEVNULL)
other = BlockingKernelClient(connection_file=manager.connection_file)  # with a session of its own
other.load_connection_file()
other.start_channels()


def find_parent(delay, ask):
    """Run the cell, then have another client ask; return whose request the thread's output belongs to."""
    cell = client.execute(CELL.format(delay))
    while client.get_shell_msg(timeout=60)["parent_header"]["msg_id"] != cell:
        pass
    if ask:
        asked = other.kernel_info()
        while other.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != asked:
            pass
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream" and "late" in message["content"]["text"]:
            parent = message["parent_header"]
            return parent["msg_type"] + (" of the cell" if parent["msg_id"] == cell else " of another client")


try:
    alone = find_parent(3, ask=False)
    print("printed while nobody else asks anything:", alone)
    beside = find_parent(3, ask=True)
    print("printed after another client's kernel_info:", beside)
    assert (alone, beside) == ("execute_request of the cell", "kernel_info_request of another client")
finally:
    other.stop_channels()
    client.stop_channels()
    manager.shutdown_kernel(now=True)
PYTHON
