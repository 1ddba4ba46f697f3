"""Run by `ci/bench start`: start a session and bare JupyterLab in turn; print the seconds of each as a line of JSON.

On the laptop, with an image, each start has a container of its own, as a job has: nothing of the image has been read in
it. In a container, with "" for the image, all starts are in that one. Sent there as ``python -c``: it stands alone.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request

TOKEN = "bench"  # noqa: S105 (of a server that lives for seconds, on a host of the test bed)
PORT = 15100
SIF, ROUNDS = sys.argv[1], int(sys.argv[2])


def start(folder: str, *argv: str, token: str = "") -> tuple[subprocess.Popen[bytes], float]:
    """Start a program, in a new container if there is an image; return it, and when it began there."""
    words = [*(["apptainer", "exec", SIF] if SIF else []), "sh", "-c", 'echo begins; exec "$0" "$@"', *argv]
    environ = {**os.environ, f"{'APPTAINERENV_' if SIF else ''}JUPYTER_TOKEN": token} if token else None
    running = subprocess.Popen(words, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for line in running.stdout or ():
        if line == b"begins\n":
            return running, time.monotonic()
    raise SystemExit(f"{argv[0]} could not be started")


def session(folder: str) -> float:
    """Return the seconds from the runscript's start to the session's `ready`."""
    running, started = start(folder, "/.singularity.d/runscript")
    took = 0.0
    with running:
        for line in running.stdout or ():
            if b" ready: " in line:
                took = time.monotonic() - started
                running.terminate()
    if not took:
        raise SystemExit("a session ended before it was ready")
    return took


def lab(folder: str) -> float:
    """Return the seconds from the start of `jupyter lab` to its first answer to a request with its token."""
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/api/status", headers={"Authorization": f"token {TOKEN}"})
    argv = ["jupyter", "lab", "--no-browser", f"--port={PORT}", "--ServerApp.port_retries=0"]
    running, started = start(folder, *argv, token=TOKEN)
    with running:
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
    for _ in range(ROUNDS):
        took["session"].append(session(place))
        took["lab"].append(lab(place))
print(json.dumps(took))
