"""The verbs that talk to a running session: status, connect, stop, extend, packages, logs, wait, and so on."""

from __future__ import annotations

import json as jsonlib
import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from jupyter_session.control.client import ask, connect, messages
from jupyter_session.control.protocol import Message
from jupyter_session.errors import SessionError, UsageError
from jupyter_session.jupyter.packages import Environment
from jupyter_session.packages.installed import list_installed, list_requirements, put_folder_in
from jupyter_session.state_dir import StateDir, find_state_dir
from jupyter_session.status_text import render_status
from jupyter_session.units.durations import parse_duration

_RESET_PATIENCE = 60.0  # seconds
_ENDED = ("stopped", "failed")


def status(*, json: bool) -> int:
    """Print what the session does and when it ends, and what works in it."""
    message = _status()
    if json:
        print(jsonlib.dumps(message, indent=2))
        return 0
    print(render_status(message, time.time()))
    return 0


def url() -> int:
    """Print the address with its token."""
    message = _status()
    if not message["url"] or message["state"] == "starting":  # a server that is restarted has a new one soon
        raise SessionError(f"There is no address yet ({message['reason']}). Try again in a few seconds.")
    print(message["url"])
    return 0


def connect_line() -> int:
    """Print the line that opens a tunnel from the laptop, which the job ad has, too, where chirp is allowed."""
    message = _status()
    if message["state"] == "starting" or not message["connect"]:
        raise SessionError(f"There is no line to connect yet ({message['reason']}). Try again in a few seconds.")
    print(message["connect"])
    return 0


def attach() -> NoReturn:
    """Replace this process by `tmux attach`."""
    _status()  # raises SessionError if there is no session
    if not sys.stdin.isatty():
        raise SessionError("tmux needs a terminal. Log in with ssh -t, or with condor_ssh_to_job without a command.")
    os.environ |= _state_dir().tmux_environment()
    os.environ["PATH"] = "/usr/local/bin" + os.pathsep + os.environ.get("PATH", os.defpath)
    os.execvp("tmux", ["tmux", "attach", "-t", "jupyter"])


def stop() -> int:
    """End the session, and wait until it has ended."""
    for message in ask(_state_dir().control, "stop"):
        if message["state"] in ("stopping", *_ENDED):
            print(f"{message['state']}: {message['reason']}", flush=True)
        if message["state"] in _ENDED:
            return 0
    return 0


def extend(*, duration: str) -> int:
    """Keep the session alive for `duration`, even if it is idle."""
    try:
        seconds = parse_duration(duration)
    except ValueError as error:
        raise UsageError(str(error)) from None
    for message in ask(_state_dir().control, "extend", seconds=seconds):
        print(message["extended"])
    return 0


def fetch(*, paths: list[str]) -> int:
    """Bring here what is new in the notebook folder on the access point; return 1 if something could not come."""
    [answer] = ask(_state_dir().control, "fetch", paths=paths)
    shown = ""
    while (save := _status()["save"])["fetches"] < answer["fetch"]:
        if save["fetching"] and save["fetching"] != shown:
            shown = save["fetching"]
            print(shown, flush=True)
        if save["problem"]:
            raise SessionError(save["problem"])
        time.sleep(0.2)
    print(save["fetched"])
    return 0 if save["fetched"].startswith(("Fetched", "Nothing is new")) else 1


def packages(*, action: str) -> int:
    """Print what pip installed in this session and in those before, print a requirements file of it, or remove it."""
    about = _status()["packages"]
    if about["root"] is None:
        raise SessionError("pip can't install packages in this session: see `jupyter-session logs --supervisor`.")
    environment = Environment(Path(about["root"]))
    installed = list_installed(environment.package_folders)
    if action == "export":
        lines = [*about["places"], *list_requirements(installed, Path(about["notebooks"]))]
        print("".join(f"{put_folder_in(line, about['notebooks'])}\n" for line in lines), end="")
    elif action == "reset":
        _reset_packages(about["resets"])
        print(f"{len(installed)} packages are removed. Restart the kernels that have imported them.")
    else:
        width = max((len(package.name) for package in installed), default=0)
        for package in installed:
            print(f"{package.name:{width}}  {package.version}{'' if package.was_requested else '  (for another)'}")
        print(about["problem"] or f"{len(installed)} packages beside those of the image.")
    return 0


def _reset_packages(resets: int) -> None:
    """Have the session remove its packages, and wait until it has. Raises SessionError if it can't."""
    for _ in ask(_state_dir().control, "reset-packages"):
        pass
    give_up_at = time.monotonic() + _RESET_PATIENCE
    while (about := _status()["packages"])["resets"] <= resets:
        if time.monotonic() > give_up_at:
            raise SessionError("The session is still busy with its packages, and removes them after that.")
        time.sleep(0.1)
    if about["problem"]:
        raise SessionError(about["problem"])


def logs(*, lines: int, follow: bool, supervisor: bool) -> NoReturn:
    """Replace this process by `tail` on the server's log, or on the supervisor's."""
    state = _state_dir()
    log = state.supervisor_log if supervisor else state.log
    if not log.exists():
        raise SessionError("There is no such log here. Use this command inside the job, once the session has started.")
    os.execvp("tail", ["tail", *(["-f"] if follow else []), "-n", str(lines), "--", str(log)])


def wait(*, port: int | None) -> int:
    """Print the address once it is known, wait until the session ends, and print why it did.

    A tunnel's ssh runs this, so it also ends when nobody reads its output any more. The tunnel ends with a line that
    begins with `stopped:` or `failed:`. Raises SessionError if the session listens on another port than the tunnel's.
    """
    shown = None
    for message in _while_someone_reads(connect(_state_dir().control, "wait")):
        state = message["state"]
        if port and message["port"] not in (port, None):
            raise SessionError(
                "This line belongs to an earlier run of the job. Get the new one with condor_q -af JupyterConnect, or, "
                "if that is still this one, with condor_ssh_to_job JOB jupyter-session connect."
            )
        if state in ("ready", "expiring") and message["url"] != shown:
            if shown:
                print("The address has changed, and the former one is no longer valid.")
            shown = message["url"]
            print(f"\nJupyterLab on {message['host']}:\n\n    {shown}\n")
            print("Leave this open: it is your tunnel. Ctrl-C closes it; the session keeps running.\n", flush=True)
        elif state in _ENDED:
            print(message["receipt"])
            print(f"{state}: {message['reason']}", flush=True)
            break
        else:
            print(f"{state}: {message['reason']}", flush=True)
    else:
        print("failed: the session ended unexpectedly. See condor_q -af JupyterReason.", flush=True)
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
    return find_state_dir(os.environ)
