"""What a kernel of a session answers to a cell."""

from __future__ import annotations

import json
from typing import NamedTuple

from support.session import Session
from support.waiting import patience


class Answer(NamedTuple):
    """`status` is `ok` or `error`; `text` is all that the cell shows."""

    status: str
    text: str


#: Runs in the job: runs cells in a kernel, one after another, and prints all that each says.
ASK = """
import glob, json, sys, time
from jupyter_client import BlockingKernelClient
kernel, seconds, *cells = sys.argv[1:]
client = BlockingKernelClient(connection_file=glob.glob(f"/tmp/jupyter-session-*/runtime/kernel-{kernel}.json")[0])
client.load_connection_file()
client.start_channels()
deadline = time.monotonic() + float(seconds)
while True:
    try:
        client.wait_for_ready(timeout=float(seconds))
        break
    except RuntimeError:  # its heart doesn't beat yet
        if time.monotonic() > deadline:
            raise
said = []
def hear(message):
    content = message["content"]
    shown = content.get("data", {}).get("text/plain") or "\\n".join(content.get("traceback", []))
    said.append(content.get("text") or shown)
for cell in cells:
    said.clear()
    reply = client.execute_interactive(cell, output_hook=hear, timeout=float(seconds))["content"]
    print(json.dumps([reply["status"], "".join(said)]))
"""


def ask_all(session: Session, kernel: str, *cells: str, seconds: float = 30) -> list[Answer]:
    """Run cells by one login into the job; return what each answers."""
    seconds *= patience()
    said = session.python(ASK, kernel, str(seconds), *cells, timeout=seconds * (len(cells) + 1))
    answers = [Answer(*json.loads(line)) for line in said.splitlines()]
    assert len(answers) == len(cells), f"the kernel said {said!r}: {session.inside('jupyter-session', 'logs')}"
    return answers


def ask(session: Session, kernel: str, cell: str, seconds: float = 30) -> Answer:
    """Run a cell; return what it answers."""
    return ask_all(session, kernel, cell, seconds=seconds)[0]


def start_kernel(session: Session, name: str = "python3") -> str:
    """Start a kernel of this name; return its ID."""
    return str(json.loads(session.request("/api/kernels", "POST", json.dumps({"name": name})))["id"])
