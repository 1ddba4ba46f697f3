#!/usr/bin/python3 -ISE
"""Stands in for JupyterLab in the sessions of `ci/bench scale`: serves what the runtime asks for, but no notebooks.

Bound over the image's `jupyter-lab` on the execution point; it stands alone. The argument is `--config=FILE`.
"""

import json
import os
import pathlib
import socket
import sys

TOLD = {"at": None, "what": ""}
ANSWERS: dict[str, object] = {
    "/api/kernels": [],
    "/api/sessions": [],
    "/api/terminals": [],
    "/jupyter-session/activity": {"requests": TOLD, "proxy": TOLD, "kernels": []},
}


def answer(request: str, token: str) -> tuple[str, object]:
    """Return the status and the body of an answer."""
    if f"Authorization: token {token}" not in request and f"token={token}" not in request:
        return "403 Forbidden", {}
    path = request.split(" ")[1].partition("?")[0]
    return "200 OK", ANSWERS.get(path, {})


config = json.loads(pathlib.Path(sys.argv[1].removeprefix("--config=")).read_text())["ServerApp"]
secret = pathlib.Path(os.environ["JUPYTER_TOKEN_FILE"]).read_text()
server = socket.create_server(("127.0.0.1", config["port"]), backlog=32)
pathlib.Path(os.environ["JUPYTER_RUNTIME_DIR"], f"jpserver-{os.getpid()}.json").write_text("{}")
while True:
    client, _ = server.accept()
    with client:
        client.settimeout(2)
        try:
            asked = client.recv(65536).decode("latin-1")
            status, body = answer(asked, secret)
            text = json.dumps(body)
            head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
            client.sendall(f"{head}Connection: close\r\n\r\n{text}".encode())
        except (OSError, IndexError):
            continue
    if asked.startswith("POST /api/shutdown"):
        sys.exit(0)
