#!/bin/sh
# jupyter-server-proxy 4.6.0: `update_last_activity` of a proxied server may be a callable since this version. Its help
# says that it "will be called with the Request as the only argument". It is called with the handler: a callable that
# reads `argument.path` or `argument.method`, as a request has them, fails with AttributeError, and the request with
# status 500; the request is `argument.request`. In jupyter_server_config.py one writes it for the Request, as told.
#
# Seen: the argument is a SuperviseAndProxyHandler, has no `method`, and has `request.method`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jupyter-server-proxy==4.6.0 jupyter_server==2.21.1
JUPYTER_RUNTIME_DIR=$folder JUPYTER_CONFIG_DIR=$folder JUPYTER_DATA_DIR=$folder
export JUPYTER_RUNTIME_DIR JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR
cat >"$folder/jupyter_server_config.py" <<CONFIG
import sys

def note(argument):
    with open("$folder/seen", "w") as file:
        print(hasattr(argument, "method"), argument.request.method,
              [kind.__name__ for kind in type(argument).__mro__], sep="\n", file=file)
    return True

c.ServerApp.jpserver_extensions = {"jupyter_server_proxy": True}
c.ServerProxy.servers = {
    "files": {
        "command": [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}"],
        "update_last_activity": note,
    }
}
CONFIG
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import inspect, pathlib, socket, subprocess, sys, time, urllib.request

from jupyter_server_proxy.config import ServerProcess

folder = pathlib.Path(sys.argv[1])
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
argv = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token=t", f"--ServerApp.root_dir={folder}"]
server = subprocess.Popen([sys.executable, "-m", "jupyter_server", *argv], stderr=subprocess.DEVNULL)
try:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/files/", headers={"Authorization": "token t"})
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(request, timeout=20).read()
            break
        except OSError:
            assert time.monotonic() < deadline, "the proxied server doesn't answer"
            time.sleep(0.3)
    has_method, method, kinds = (folder / "seen").read_text().splitlines()
finally:
    server.terminate()
    server.wait(30)
promise = " ".join(inspect.cleandoc(ServerProcess.update_last_activity.help).split())
print("help:", promise.partition("If Callable, ")[2].partition(",")[0])
print("seen:", kinds, "has method:", has_method, "its request's method:", method)
assert "called with the Request as the only argument" in promise
assert (has_method, method) == ("False", "GET") and "ProxyHandler" in kinds
PYTHON
