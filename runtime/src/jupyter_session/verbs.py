"""The verbs that talk to a running session: status, url, attach, stop, logs, wait."""

from __future__ import annotations

import json as jsonlib
import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any, NoReturn

from jupyter_session.condor.job_ad import read_job
from jupyter_session.control.client import ask, connect, messages
from jupyter_session.control.protocol import Message
from jupyter_session.errors import SessionError, UsageError
from jupyter_session.saveback.report import render_report
from jupyter_session.state_dir import StateDir
from jupyter_session.units.durations import format_duration, parse_duration

_ENDED = ("stopped", "failed")


def status(*, json: bool) -> int:
    """Print what the session does, why it goes on, and when it would end."""
    message = _status()
    if json:
        print(jsonlib.dumps(message, indent=2))
        return 0
    print(f"{message['state']}: {message['verdict'] or message['reason']}")
    if message["stop_at"]:
        print(f"ends {_clock(message['stop_at'])} if nothing changes")
    rows = [("source", "active", "since", "sees")]
    rows += [
        (
            source["source"],
            "yes" if source["active"] else "no",
            format_duration(source["since"]),
            source["detail"] + (f" ({source['error']})" if source["error"] else ""),
        )
        for source in message["sources"]
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows if len(rows) > 1 else []:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]))
    print("\n".join(render_report(message["save"])))
    if message["problem"]:
        print(message["problem"])
    return 0


def url() -> int:
    """Print the address with its token."""
    message = _status()
    if not message["url"]:
        raise SessionError(f"There is no address yet ({message['reason']}): try again in a few seconds.")
    print(message["url"])
    return 0


def attach() -> NoReturn:
    """Become `tmux attach`."""
    _status()  # says so when there is no session
    if not sys.stdin.isatty():
        raise SessionError("tmux needs a terminal: log in with ssh -t, or with condor_ssh_to_job and no command.")
    os.environ |= _state_dir().tmux_environment()
    os.environ["PATH"] = "/usr/local/bin" + os.pathsep + os.environ.get("PATH", os.defpath)
    os.execvp("tmux", ["tmux", "attach", "-t", "jupyter"])


def stop() -> int:
    """End the session, and stay until it has ended."""
    for message in ask(_state_dir().control, "stop"):
        if message["state"] in ("stopping", *_ENDED):
            print(f"{message['state']}: {message['reason']}", flush=True)
        if message["state"] in _ENDED:
            return 0
    return 0


def extend(*, duration: str) -> int:
    """Keep the session for `duration`, whatever it does."""
    try:
        seconds = parse_duration(duration)
    except ValueError as error:
        raise UsageError(str(error)) from None
    for message in ask(_state_dir().control, "extend", seconds=seconds):
        print(message["extended"])
    return 0


def logs(*, lines: int, follow: bool, supervisor: bool) -> NoReturn:
    """Replace this process by `tail` on the server's log, or on the supervisor's."""
    state = _state_dir()
    log = state.supervisor_log if supervisor else state.log
    if not log.exists():
        raise SessionError("There is no such log here. Use this command inside the job, once the session has started.")
    os.execvp("tail", ["tail", *(["-f"] if follow else []), "-n", str(lines), "--", str(log)])


def wait(*, port: int | None) -> int:
    """Print the address once it is known, stay until the session ends, and say why it did.

    A tunnel's ssh runs this, so it also ends when nobody reads its output any more; the tunnel ends with a line that
    begins with `stopped:` or `failed:`. SessionError when the session listens on another port than the tunnel leads to.
    """
    shown = None
    for message in _while_someone_reads(connect(_state_dir().control, "wait")):
        state = message["state"]
        if port and message["port"] not in (port, None):
            raise SessionError(
                "This line is of an earlier run of the job: condor_q -af JupyterConnect has the new one."
            )
        if state in ("ready", "expiring") and message["url"] != shown:
            shown = message["url"]
            print(f"\nJupyterLab on {message['host']}:\n\n    {shown}\n")
            print("Keep this open: it is the tunnel. Ctrl-C closes it; the session goes on.\n", flush=True)
        elif state in _ENDED:
            print(message["receipt"])
            print(f"{state}: the notebooks are on their way back to the access point.", flush=True)
            break
        else:
            print(f"{state}: {message['reason']}", flush=True)
    else:
        print("failed: the session ended without a word; condor_q -af JupyterReason says why.", flush=True)
    return 0


def _while_someone_reads(server: socket.socket) -> Iterator[Message]:
    """Yield the supervisor's messages until it hangs up, or our output has no reader any more."""
    poll = select.poll()
    poll.register(server, select.POLLIN)
    poll.register(sys.stdout.fileno(), 0)  # only errors: the reader has gone
    with server:
        for message in messages(server):
            yield message
            events = dict(poll.poll())
            if sys.stdout.fileno() in events:
                return


def _status() -> dict[str, Any]:
    return dict(next(iter(ask(_state_dir().control, "status"))))


def _state_dir() -> StateDir:
    job = read_job(os.environ)
    return StateDir.locate(os.environ, job.id if job else None)


def _clock(epoch: float) -> str:
    return f"in {format_duration(epoch - time.time())}, at {time.strftime('%H:%M:%S', time.localtime(epoch))}"
