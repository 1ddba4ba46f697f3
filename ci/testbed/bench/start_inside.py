"""Run inside the image, by `ci/bench start`: start a session and bare JupyterLab in turn; print the seconds of each.

Sent to the container as ``python -c``: it stands alone. Prints one line of JSON.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

TOKEN = "bench"  # noqa: S105 (of a server that lives for seconds, on a host of the test bed)
PORT = 15100


def session(folder: str) -> float:
    """Return the seconds from the runscript's start to the session's `ready`."""
    started = time.monotonic()
    with subprocess.Popen(["/usr/local/bin/jupyter-session", "run"], cwd=folder, stdout=subprocess.PIPE) as running:
        for line in running.stdout or ():
            if b" ready: " in line:
                took = time.monotonic() - started
                running.send_signal(signal.SIGTERM)
    return took


def lab(folder: str) -> float:
    """Return the seconds from the start of `jupyter lab` to its first answer to a request with its token."""
    environ = {**os.environ, "JUPYTER_TOKEN": TOKEN}
    argv = ["jupyter", "lab", "--no-browser", f"--port={PORT}", "--ServerApp.port_retries=0"]
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/api/status", headers={"Authorization": f"token {TOKEN}"})
    started = time.monotonic()
    with subprocess.Popen(argv, cwd=folder, env=environ, stderr=subprocess.DEVNULL) as running:
        while True:
            try:
                with urllib.request.urlopen(request, timeout=5):  # noqa: S310
                    took = time.monotonic() - started
                    break
            except OSError:
                time.sleep(0.01)
        running.terminate()
    return took


took: dict[str, list[float]] = {"session": [], "lab": []}
with tempfile.TemporaryDirectory() as place:
    session(place), lab(place)  # once each for the page cache
    for _ in range(int(sys.argv[1])):
        took["session"].append(session(place))
        took["lab"].append(lab(place))
print(json.dumps(took))
