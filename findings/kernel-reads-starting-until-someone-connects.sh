#!/bin/sh
# jupyter_server 2.21.1 with ipykernel 7.4.0: a kernel that is started by `POST /api/kernels`, as scripts and other
# clients do, reads `starting` in /api/kernels for as long as nobody opens its websocket, though it has long been ready
# and answers on its own channels. The state is told by the kernel itself, as part of an answer, and the server asks it
# nothing of its own accord. So "starting" doesn't tell a kernel that hangs from one that is idle.
#
# Seen: 8 s after its heartbeat answers, execution_state is `starting`; after one websocket was open, `idle`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    jupyter_server==2.21.1 ipykernel==7.4.0 jupyter_client==8.10.0 tornado==6.6.1
JUPYTER_RUNTIME_DIR=$folder JUPYTER_CONFIG_DIR=$folder JUPYTER_DATA_DIR=$folder
export JUPYTER_RUNTIME_DIR JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio, json, socket, subprocess, sys, time, urllib.request

import zmq
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

folder = sys.argv[1]
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
argv = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token=t", f"--ServerApp.root_dir={folder}"]
server = subprocess.Popen([sys.executable, "-m", "jupyter_server", *argv], stderr=subprocess.DEVNULL)


def ask(path, data=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Authorization": "token t"})
    return json.load(urllib.request.urlopen(request, timeout=10))


def wait(condition, what):
    deadline = time.monotonic() + 60
    while True:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def state(kernel):
    return ask(f"/api/kernels/{kernel}")["execution_state"]


def beats(kernel):
    """Return whether the kernel's heartbeat answers."""
    with open(f"{folder}/kernel-{kernel}.json") as file:
        about = json.load(file)
    echo = zmq.Context.instance().socket(zmq.REQ)
    echo.linger = 0
    echo.connect(f"tcp://{about['ip']}:{about['hb_port']}")
    echo.send(b"ping")
    answered = echo.poll(2000) != 0
    echo.close()
    return answered


async def connect(kernel):
    url = f"ws://127.0.0.1:{port}/api/kernels/{kernel}/channels"
    socket = await websocket_connect(HTTPRequest(url, headers={"Authorization": "token t"}))
    await asyncio.sleep(2)
    socket.close()


try:
    wait(lambda: ask("/api/status"), "the server doesn't answer")
    kernel = ask("/api/kernels", b"{}")["id"]
    wait(lambda: beats(kernel), "the kernel isn't alive")
    time.sleep(8)
    before = state(kernel)
    asyncio.run(connect(kernel))
    after = wait(lambda: state(kernel) == "idle" and "idle", "it isn't idle")
finally:
    server.terminate()
    server.wait(30)
print(f"8 s after its heartbeat answers: {before}; after one websocket was open: {after}")
assert (before, after) == ("starting", "idle")
PYTHON
