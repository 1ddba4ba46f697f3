#!/bin/sh
# jupyter_server 2.21.1: `ServerApp.websocket_ping_interval` (seconds) says that it configures the server's websockets,
# but the ones that matter to a person don't read it. /api/events/subscribe is pinged at that interval; the sockets of
# kernels and terminals keep their own 30 s. Those two read `ws_ping_interval` in `ServerApp.tornado_settings`, which is
# in milliseconds, has no documented option, and in turn leaves the socket of the events alone. So who wants a dead
# tunnel noticed soon has to set both, in two units.
#
# Seen, pings in 4.5 s:
#   ServerApp.websocket_ping_interval=1 (seconds): events 4, kernel 0, terminal 0
#   tornado_settings ws_ping_interval=1000 (milliseconds): events 0, kernel 4, terminal 4
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    jupyter_server==2.21.1 ipykernel==7.4.0 tornado==6.6.1 wsproto==1.2.0
JUPYTER_RUNTIME_DIR=$folder JUPYTER_CONFIG_DIR=$folder JUPYTER_DATA_DIR=$folder
export JUPYTER_RUNTIME_DIR JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json, socket, subprocess, sys, time, urllib.request

from wsproto import ConnectionType, WSConnection
from wsproto.events import Ping, Request

folder = sys.argv[1]


def count_pings(port, path, seconds=4.5):
    connection = WSConnection(ConnectionType.CLIENT)
    with socket.create_connection(("127.0.0.1", port)) as stream:
        head = Request(host=f"127.0.0.1:{port}", target=path, extra_headers=[(b"Authorization", b"token t")])
        stream.sendall(connection.send(head))
        found, end = 0, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            stream.settimeout(left)
            try:
                connection.receive_data(stream.recv(65536))
            except TimeoutError:
                break
            for event in connection.events():
                if isinstance(event, Ping):
                    found += 1
                    stream.sendall(connection.send(event.response()))
    return found


def measure(*options):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token=t", f"--ServerApp.root_dir={folder}"]
    server = subprocess.Popen([sys.executable, "-m", "jupyter_server", *argv, *options], stderr=subprocess.DEVNULL)

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
        kernel, terminal = ask("/api/kernels", b"{}")["id"], ask("/api/terminals", b"")["name"]
        paths = {
            "events": "/api/events/subscribe",
            "kernel": f"/api/kernels/{kernel}/channels",
            "terminal": f"/terminals/websocket/{terminal}",
        }
        return {name: count_pings(port, path) for name, path in paths.items()}
    finally:
        server.terminate()
        server.wait(30)


def show(what, pings):
    print(f"{what}: " + ", ".join(f"{name} {number}" for name, number in pings.items()))


option = measure("--ServerApp.websocket_ping_interval=1", "--ServerApp.websocket_ping_timeout=1")
show("ServerApp.websocket_ping_interval=1 (seconds)", option)
setting = measure("--ServerApp.tornado_settings={'ws_ping_interval': 1000, 'ws_ping_timeout': 2000}")
show("tornado_settings ws_ping_interval=1000 (milliseconds)", setting)
assert option["events"] >= 2 and option["kernel"] == option["terminal"] == 0
assert setting["events"] == 0 and setting["kernel"] >= 2 and setting["terminal"] >= 2
PYTHON
