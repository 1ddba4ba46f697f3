#!/bin/sh
# jupyter_server 2.21.1 with ipykernel 7.4.0: while a cell runs, any client may create a subshell, as JupyterLab does by
# itself at a kernel's first widget (JEP 91). The kernel answers on the control channel and publishes `busy` and `idle`
# for that request. The server takes this `idle` for the kernel's own: from then on GET /api/kernels/ID reports
# "execution_state": "idle" until the running cell ends, however long that is. A culler that trusts this field ends a
# kernel that computes. The cell itself goes on and replies with `ok`.
#
# Seen:
#   before the cell: idle
#   the cell runs: busy
#   the cell runs, and a subshell was created: idle
#   the cell ended 3 s or more later: ok
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    jupyter_server==2.21.1 ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.1.0
JUPYTER_RUNTIME_DIR=$folder JUPYTER_CONFIG_DIR=$folder JUPYTER_DATA_DIR=$folder
export JUPYTER_RUNTIME_DIR JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json, socket, subprocess, sys, time, urllib.request
from pathlib import Path

from jupyter_client import BlockingKernelClient

folder = Path(sys.argv[1])
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
options = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token=t", f"--ServerApp.root_dir={folder}"]
server = subprocess.Popen([sys.executable, "-m", "jupyter_server", *options], stderr=subprocess.DEVNULL)


def ask(path, data=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Authorization": "token t"})
    return json.load(urllib.request.urlopen(request, timeout=10))


try:
    deadline = time.monotonic() + 60
    while True:
        try:
            ask("/api/status")
            break
        except OSError:
            assert time.monotonic() < deadline, "the server doesn't answer"
            time.sleep(0.2)
    kernel = ask("/api/kernels", b"{}")["id"]

    def state():
        return ask(f"/api/kernels/{kernel}")["execution_state"]

    def wait_for(wanted):
        end = time.monotonic() + 60
        while state() != wanted:
            assert time.monotonic() < end, f"{state()} instead of {wanted}"
            time.sleep(0.05)
        return wanted

    client = BlockingKernelClient(connection_file=str(folder / f"kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels()
    client.kernel_info()
    client.get_shell_msg(timeout=60)

    print("before the cell:", wait_for("idle"))
    cell = client.execute("import time; time.sleep(6)")
    print("the cell runs:", wait_for("busy"))
    client.control_channel.send(client.session.msg("create_subshell_request"))
    assert client.get_control_msg(timeout=10)["content"]["status"] == "ok"
    print("the cell runs, and a subshell was created:", wait_for("idle"))
    since = time.monotonic()
    while (reply := client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != cell:
        pass
    assert time.monotonic() - since > 3 and reply["content"]["status"] == "ok"
    print("the cell ended 3 s or more later:", reply["content"]["status"])
finally:
    server.terminate()
    server.wait(30)
PYTHON
