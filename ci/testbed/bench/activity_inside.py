"""Run in a session, by `ci/bench activity`: start KERNELS kernels and, in tmux, PROCESSES processes that stay.

Sent to the container on standard input: it stands alone. Prints `all up` when they are.
"""

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path

kernels, processes = map(int, sys.argv[1:])
(folder,) = Path("/tmp").glob("jupyter-session-*")  # noqa: S108
(server,) = folder.glob("runtime/jpserver-*.json")
port = json.loads(server.read_text())["port"]
headers = {"Authorization": f"token {(folder / 'token').read_text().strip()}"}
for _ in range(kernels):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/api/kernels", headers=headers)
    connection.getresponse().read()
subprocess.run(["tmux", "new-window", "-d", f"for i in $(seq {processes}); do sleep 3600 & done; wait"], check=True)
time.sleep(60)  # so that what the start used doesn't count
print("all up")
