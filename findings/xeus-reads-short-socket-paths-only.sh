#!/bin/sh
# xeus (xeus-python 0.19.0): with the transport `ipc`, a kernel whose sockets have a path of more than 25 bytes ends at
# once with "RuntimeError: Invalid argument". It asks ZeroMQ for the endpoint that it has just bound, `ipc://PATH`, into
# a buffer of 32 bytes (not verified to be the cause). jupyter_client's own paths are those of the connection file,
# RUNTIME_DIR/kernel-UUID-ipc-N, so they are always longer.
#
# Seen:
#   18 bytes: runs, 25 bytes: runs, 26 bytes: ends, 29 bytes: ends
set -eu
folder=$(mktemp -d)
short=$(mktemp -d /tmp/xXXX)
trap 'rm -rf "$folder" "$short"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xeus-python==0.19.0 jupyter_client==8.10.0
"$folder/venv/bin/python" - "$short" <<'PYTHON'
import json
import subprocess
import sys
from pathlib import Path

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


def runs(length):
    prefix = f"{sys.argv[1]}/".ljust(length - 2, "p")
    connection = {"transport": "ipc", "ip": prefix, "key": "secret", "signature_scheme": "hmac-sha256"}
    connection |= {name: number for number, name in enumerate(PORTS, 1)}
    file = Path(sys.argv[1], f"{length}.json")
    file.write_text(json.dumps(connection))
    kernel = subprocess.Popen([sys.executable, "-m", "xpython_launcher", "-f", str(file)], stderr=subprocess.DEVNULL)
    try:
        kernel.wait(10)
    except subprocess.TimeoutExpired:
        kernel.kill()
        kernel.wait()
        return True
    return False


seen = {length: runs(length) for length in (18, 25, 26, 29)}
print(", ".join(f"{length} bytes: {'runs' if alive else 'ends'}" for length, alive in seen.items()))
assert seen == {18: True, 25: True, 26: False, 29: False}
PYTHON
