"""A browser's session, as the server sees it: it reads and saves a notebook, and runs its cells by a websocket."""

from __future__ import annotations

import itertools
import json
import struct
import time
import uuid
from typing import Any

import websocket

from support.jupyter_server import JupyterServer

#: Prints so many lines, ten a second.
SLOW = "import time\nfor i in range({}):\n    print('line', i, flush=True)\n    time.sleep(0.1)\n"
_V1 = "v1.kernel.websocket.jupyter.org"


def make_cell(name: str, source: str) -> dict[str, Any]:
    """Return a code cell that has not run."""
    return {
        "cell_type": "code", "id": name, "source": source, "metadata": {}, "outputs": [], "execution_count": None
    }  # fmt: skip


def make_notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a notebook."""
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def lines(count: int) -> str:
    """Return what SLOW prints."""
    return "".join(f"line {i}\n" for i in range(count))


def text_of(cell: dict[str, Any]) -> str:
    """Return the text of a cell's outputs."""
    return "".join("".join(output.get("text", "")) for output in cell["outputs"])


def write_cells(server: JupyterServer, path: str, *sources: str) -> None:
    """Save a notebook with cells c0, c1, and so on, as a page does."""
    cells = (make_cell(f"c{number}", source) for number, source in enumerate(sources))
    NotebookClient.write(server, path, make_notebook(*cells))


class NotebookClient:
    """One page that has a notebook open; `close` is the tab's end, and nothing of it is saved.

    It uses the kernel of the notebook's session, or at first `kernel`, which another notebook may use.
    """

    def __init__(self, server: JupyterServer, path: str, kernel: str = "") -> None:
        self._server = server
        self.path = path
        self.id = uuid.uuid4().hex
        self.content = self.read(server, path)
        wanted = {"id": kernel} if kernel else {"name": "python3"}
        self.kernel = server.ask("/api/sessions", {"path": path, "name": path, "type": "notebook", "kernel": wanted})[
            "kernel"
        ]["id"]
        self._has_asked = self._has_begun = False
        self._requests: list[str] = []  # since the last save
        self._saved: list[str] = []  # those that a save is newer than, which the server doesn't know yet
        self._is_cut = False
        self.seen: list[str] = []  # the messages that were heard
        self.kinds: dict[str, list[str]] = {}  # the types of the messages for each request
        self.text: dict[str, str] = {}  # what each request printed, as the page shows it
        self.question: dict[str, Any] = {}
        self._states: dict[str, list[str]] = {}
        self._frozen: list[websocket.WebSocket] = []
        self._socket = self._connect()

    @staticmethod
    def read(server: JupyterServer, path: str) -> dict[str, Any]:
        """Return a notebook's content as a page that opens it gets it."""
        return dict(server.ask(f"/api/contents/{path}?type=notebook&content=1&hash=1")["content"])

    @staticmethod
    def write(server: JupyterServer, path: str, content: dict[str, Any]) -> None:
        """Save a notebook as a page does."""
        server.ask(f"/api/contents/{path}", {"type": "notebook", "format": "json", "content": content}, method="PUT")

    def save(self) -> None:
        """Save it as it is in this page."""
        self._saved += self._requests
        self._requests = []
        self.write(self._server, self.path, self.content)
        if not self._is_cut:
            self._say_saved()

    def _say_saved(self) -> None:
        if self._saved:
            self._send("shell", "jupyter_session_saved", {"requests": self._saved})
            self._saved = []

    def cell(self, name: str) -> dict[str, Any]:
        """Return a cell of this page."""
        return next(cell for cell in self.content["cells"] if cell["id"] == name)

    def run(self, name: str, source: str | None = None) -> str:
        """Ask the kernel to run a cell, after its text was changed to `source`; return the request's ID."""
        cell = self.cell(name)
        cell["source"] = cell["source"] if source is None else source
        return self.request(cell["source"], {"cellId": name})

    def request(self, code: str, metadata: dict[str, Any]) -> str:
        """Send a request to run code."""
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True,
            "stop_on_error": True,
        }  # fmt: skip
        self._has_asked = True
        self._requests.append(self._send("shell", "execute_request", content, metadata=metadata))
        return self._requests[-1]

    def follow(self, request: str, name: str) -> None:
        """Follow a run of a cell that another page asked for."""
        metadata = {"cellId": name, "jupyter_session_follows": True}
        self._send("shell", "execute_request", {"code": ""}, metadata=metadata, name=request)

    def catch_up(self, *, opens: bool = False) -> dict[str, Any]:
        """Ask for what was missed since what was heard last, hear it, and return the answer to that."""
        content = {"seen": self.seen[-20:], "opens": opens}
        request = self._send("shell", "jupyter_session_catch_up", content)
        while True:
            channel, _, parent, content = self._receive()
            if channel == "shell" and parent.get("msg_id") == request:
                return content

    def ask_about_kernel(self) -> None:
        """Ask the kernel about itself, as each page does that connects."""
        self._send("shell", "kernel_info_request", {})

    def answer(self, value: str) -> None:
        """Answer the question that was heard last."""
        self._send("stdin", "input_reply", {"status": "ok", "value": value}, parent=self.question)

    def freeze(self) -> None:
        """Have its connection freeze, and connect anew as the same page: the server still has both."""
        self._frozen.append(self._socket)
        self._socket = self._connect()

    def cut(self) -> None:
        """Have its connection end without a word."""
        self._is_cut = True
        self._socket.shutdown()  # type: ignore[no-untyped-call]

    def reconnect(self) -> None:
        """Connect anew as the same page, and say what could not be said."""
        self._socket = self._connect()
        self._is_cut = False
        self._say_saved()

    def restart(self) -> None:
        """Restart the kernel, and connect anew, as JupyterLab does after that."""
        self._server.ask(f"/api/kernels/{self.kernel}/restart", {})
        self._socket.close()
        self.reconnect()
        self.catch_up()

    def hear(self, seconds: float) -> None:
        """Hear what the kernel says for some seconds."""
        deadline = time.monotonic() + seconds
        try:
            while (left := deadline - time.monotonic()) > 0:
                self._socket.settimeout(left)
                self._receive()
        except websocket.WebSocketTimeoutException:
            pass
        finally:
            self._socket.settimeout(60)

    def wait_sent(self) -> None:
        """Return once the server has taken all that this page sent: it answers what comes after it."""
        self.catch_up()

    def wait_over(self, request: str) -> None:
        """Hear what the kernel says until a run is over for JupyterLab: its answer and `idle` have come."""
        self.wait_heard(request, "execute_reply")
        while "idle" not in self._states.get(request, ()):
            self._receive()

    def wait_heard(self, request: str, what: str) -> None:
        """Hear what the kernel says until a message of a type has come for a request."""
        while what not in self.kinds.get(request, ()):
            self._receive()

    def _send(
        self,
        channel: str,
        kind: str,
        content: dict[str, Any],
        *,
        metadata: dict[str, Any] | None = None,
        parent: dict[str, Any] | None = None,
        name: str = "",
    ) -> str:
        header = {
            "msg_id": name or uuid.uuid4().hex, "session": self.id, "username": "", "date": "2026-01-01T00:00:00Z",
            "msg_type": kind, "version": "5.3",
        }  # fmt: skip
        parts = [
            channel.encode(),
            *(json.dumps(part).encode() for part in (header, parent or {}, metadata or {}, content)),
        ]
        offsets = [8 * (len(parts) + 2)]
        for part in parts:
            offsets.append(offsets[-1] + len(part))
        self._socket.send_binary(struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts))
        return str(header["msg_id"])

    def wait_done(self, request: str) -> None:
        """Hear what the kernel says until it is done with a request; nothing of it gets into the page's cells."""
        while True:
            channel, header, parent, content = self._receive()
            is_ours = channel == "iopub" and parent.get("msg_id") == request
            if is_ours and header["msg_type"] == "status" and content["execution_state"] == "idle":
                return

    def wait_printed(self, line: str) -> None:
        """Hear what the kernel says until it has printed a line."""
        text = ""
        while f"{line}\n" not in text:
            _, header, _, content = self._receive()
            text += content["text"] if header["msg_type"] == "stream" else ""

    def close(self) -> None:
        """Close the page, once the kernel has begun with the first request, if there was one."""
        while self._has_asked and not self._has_begun:
            self._receive()
        self._socket.close()

    def discard(self) -> None:
        """Close all that it has opened, without a word."""
        for each in (self._socket, *self._frozen):
            each.shutdown()  # type: ignore[no-untyped-call]

    def _connect(self) -> websocket.WebSocket:
        url = f"ws://127.0.0.1:{self._server.port}/base/api/kernels/{self.kernel}/channels?session_id={self.id}&token=t"
        return websocket.create_connection(url, subprotocols=[_V1], timeout=60)

    def _receive(self) -> tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]:
        message = self._socket.recv()
        assert isinstance(message, bytes)
        (count,) = struct.unpack_from("<Q", message)
        offsets = struct.unpack_from(f"<{count}Q", message, 8)
        parts = [message[a:b] for a, b in itertools.pairwise(offsets)]
        header, parent, _, content = (json.loads(part) for part in parts[1:5])
        kind, request = header["msg_type"], parent.get("msg_id", "")
        self._has_begun |= kind == "execute_input"
        self.kinds.setdefault(request, []).append(kind)
        if parts[0] == b"iopub":
            self.seen.append(header["msg_id"])
        if kind == "stream":
            self.text[request] = self.text.get(request, "") + content["text"]
        elif kind == "status":
            self._states.setdefault(request, []).append(content["execution_state"])
        elif kind == "clear_output":
            self.text[request] = ""
        elif kind == "input_request":
            self.question = header
            self.seen.append(header["msg_id"])
        return parts[0].decode(), header, parent, content
