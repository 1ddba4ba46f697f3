"""A real Jupyter server with the session's extension, and real kernels in it, on this machine and without a pool."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.waiting import wait_for

MODULE = "jupyter_session.jupyter.extension.server_extension"
RECORDER = "jupyter_session.recorder.server_extension"


class JupyterServer:
    """A server on `port`, with everything of its own below `home`."""

    def __init__(self, home: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self.port = port
        self.process = process

    def ask(self, path: str, body: Any = None, *, key: str = "t", method: str | None = None) -> Any:
        """Send a request with the token `key`; return the JSON of the answer. Raises urllib's HTTPError."""
        url = f"http://127.0.0.1:{self.port}/base{urllib.parse.quote(path, safe='/?&=')}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Authorization": f"token {key}"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own http URL
            text = answer.read()
        return json.loads(text) if text else None

    def connection_file(self, kernel: str) -> Path:
        """Return the file that tells how to connect to a kernel."""
        return self.home / f"runtime/kernel-{kernel}.json"


@contextlib.contextmanager
def serve(home: Path, python: str = "", **config: Any) -> Iterator[JupyterServer]:
    """Start a server with the extension below `home`, with more configuration as JSON and in Python, and end it."""
    server_config = {"jpserver_extensions": {MODULE: True}, "base_url": "/base/", "allow_root": True}
    (home / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": server_config, **config}))
    (home / "jupyter_server_config.py").write_text(python)
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path),
        "JUPYTER_CONFIG_DIR": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }  # fmt: skip
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--port=0", "--IdentityProvider.token=t"]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen([*command, f"--ServerApp.root_dir={home}"], env=environ, stderr=log) as process,
    ):
        try:
            port = wait_for(lambda: _find_port(home / "runtime"), 60, "the server")
            wait_for(lambda: _answers(port), 60, "the server, which writes its port before it listens")
            yield JupyterServer(home, port, process)
        finally:
            process.terminate()


def _find_port(runtime: Path) -> int:
    """Return the port in the file that the server writes, 0 while that isn't whole."""
    for about in runtime.glob("jpserver-*.json"):
        with contextlib.suppress(ValueError):
            return int(json.loads(about.read_text())["port"])
    return 0


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


def serve_recorder(
    home: Path, grace: float = 1.0, python: str = ""
) -> contextlib.AbstractContextManager[JupyterServer]:
    """Start such a server with the recorder, which waits `grace` seconds for a browser that has gone."""
    app = {"jpserver_extensions": {MODULE: True, RECORDER: True}, "base_url": "/base/", "allow_root": True}
    return serve(home, python, ServerApp=app, Recorder={"grace": grace}, KernelManager={"transport": "ipc"})


async def close_websocket(page: Any) -> None:
    """Close a WebSocket of tornado's, and return when all that was sent has been read by the server."""
    stream = page.protocol.stream
    page.close()
    while await page.read_message() is not None:
        pass
    stream.close()  # tornado would leave that to the garbage collector if the event loop ends first
