"""Run in a session, by `ci/bench activity`: start KERNELS kernels and, in tmux, PROCESSES processes that stay.

Sent to the container on standard input: it stands alone. Prints `all up` when they are.
"""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

kernels, processes = map(int, sys.argv[1:])
(folder,) = Path("/tmp").glob("jupyter-session-*")  # noqa: S108
(server,) = folder.glob("runtime/jpserver-*.json")
url = f"http://127.0.0.1:{json.loads(server.read_text())['port']}/api/kernels"
headers = {"Authorization": f"token {(folder / 'token').read_text().strip()}"}


def ask(method: str) -> Any:
    """Ask for the kernels, or for one more."""
    with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers)) as answer:
        return json.load(answer)


for _ in range(kernels):
    ask("POST")
subprocess.run(["tmux", "new-window", "-d", f"for i in $(seq {processes}); do sleep 3600 & done; wait"], check=True)
while any(kernel["execution_state"] == "starting" for kernel in ask("GET")):
    time.sleep(0.5)
time.sleep(30)  # what the start has used is not to be counted
print("all up")
