#!/bin/sh
# jupyter_server 2.21.1: POST /api/kernels/ID/restart answers 200 as soon as the new process has been started, not once the
# kernel is back. The kernel manager does ask the new kernel for its kernel_info, and makes a future of the answer, but its
# coroutine returns that future, and who awaits the coroutine (the handler does) has not awaited the future. So a client
# that runs code right after the answer races with the kernel's start: its request waits in ZeroMQ's queue, and whoever
# subscribed to the kernel's output before the restart is connected again at a moment of its own, maybe after the request,
# and then never hears what came before that.
#
# Seen, with a kernel that takes 5 s to start:
#   the answer to the restart: 200, before the kernel was back
#   the kernel answered in the end
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    jupyter_server==2.21.1 jupyter_client==8.10.0 ipykernel==7.4.0 pyzmq==27.3.0
export HOME="$folder" JUPYTER_RUNTIME_DIR="$folder/runtime" JUPYTER_DATA_DIR="$folder/data" JUPYTER_CONFIG_DIR="$folder/config"
mkdir -p "$folder/data/kernels/slow"
cat >"$folder/data/kernels/slow/kernel.json" <<END
{"display_name": "slow", "language": "python", "argv": ["sh", "-c",
 "sleep 5; exec \"\$0\" -m ipykernel_launcher -f \"\$1\"", "$folder/venv/bin/python", "{connection_file}"]}
END
cat >"$folder/try.py" <<'PYTHON'
import json
import pathlib
import subprocess
import sys
import time
import urllib.request

from jupyter_client import BlockingKernelClient

folder = pathlib.Path(sys.argv[1])
words = [sys.executable, "-m", "jupyter_server", "--no-browser", "--port=0", "--allow-root", "--IdentityProvider.token=t"]
server = subprocess.Popen([*words, f"--ServerApp.root_dir={folder}"], stderr=subprocess.DEVNULL)
runtime = folder / "runtime"


def ask(path, body=None):
    request = urllib.request.Request(url + path, body, {"Authorization": "token t"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status, json.loads(answer.read())


try:
    while True:  # the file is there before the server listens
        try:
            (about,) = runtime.glob("jpserver-*.json")
            url = json.loads(about.read_text())["url"]
            ask("api")
            break
        except (ValueError, OSError):
            time.sleep(0.1)
    kernel = ask("api/kernels", b'{"name": "slow"}')[1]["id"]
    client = BlockingKernelClient(connection_file=str(runtime / f"kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels()
    client.execute("pass", reply=True, timeout=60)
    began = time.monotonic()
    status, _ = ask(f"api/kernels/{kernel}/restart", b"{}")
    took = time.monotonic() - began
    client.execute("pass", reply=True, timeout=60)
    back = time.monotonic() - began
    early = took < back - 2
    print(f"the answer to the restart: {status}, {'before' if early else 'once'} the kernel was back")
    print("the kernel answered in the end")
    sys.exit(0 if status == 200 and early else "jupyter_server waits for the kernel")
finally:
    server.terminate()
    server.wait()
PYTHON
"$folder/venv/bin/python" "$folder/try.py" "$folder"
