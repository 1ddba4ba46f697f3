"""A run of a cell told again in a kernel's own messages, to a page that has not heard them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from jupyter_session.recorder.backlog import Parts
from jupyter_session.recorder.record import Run

Sent = tuple[str, Parts]  # a channel and a message


def make_message(kind: str, content: Mapping[str, Any], parent: Mapping[str, Any], session: str) -> Parts:
    """Return a message of a kernel whose session is `session`; JupyterLab takes another for a kernel that restarted."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": kind,
        "session": session,
        "username": "",
        "date": datetime.now(UTC).isoformat(),
        "version": "5.3",
    }
    return [json.dumps(part).encode() for part in (header, parent, {}, content)]


def play(run: Run, session: str) -> Iterator[Sent]:
    """Yield all of a run until now, for a page that has a cell and a future for it: what the cell shows is replaced."""

    def make(kind: str, **content: Any) -> Parts:
        return make_message(kind, content, run.header, session)

    yield "iopub", make("clear_output", wait=False)
    if run.has_begun:
        yield "iopub", make("status", execution_state="busy")
        if run.outputs.count is not None:
            yield "iopub", make("execute_input", code=run.code, execution_count=run.outputs.count)
    for output in run.outputs.play():
        yield "iopub", make(output.pop("output_type"), **output)
    if run.has_ended:
        yield "shell", make_reply(run, session)
        yield "iopub", make("status", execution_state="idle")
    elif run.input is not None:
        yield "stdin", run.input


def make_reply(run: Run, session: str) -> Parts:
    """Return the answer to the request of a run that has ended, as its kernel would have given it."""
    content: dict[str, Any] = {"status": "ok", "execution_count": run.outputs.count, "payload": []}
    if not run.has_begun:
        content["status"] = "aborted"
    elif (error := run.outputs.find_error()) is not None:
        content |= {"status": "error", **{name: error[name] for name in ("ename", "evalue", "traceback")}}
    else:
        content["user_expressions"] = {}
    return make_message("execute_reply", content, run.header, session)


def make_note(run: Run, session: str) -> Parts:
    """Return what a page shows in place of output that isn't kept."""
    text = "\n[... output is left out here: it was printed while this browser was not connected, and is too long ...]\n"
    return make_message("stream", {"name": "stderr", "text": text}, run.header, session)
