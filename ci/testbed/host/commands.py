"""Run a long command: its output in a log, a deadline, and a sentence when it fails."""

from __future__ import annotations

import collections
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from testbed.host import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

#: The process groups that `run` has under way.
running: set[int] = set()
#: A PID namespace ends with its first process, which is the command; the command ends with its parent.
CONTAINED = (
    *("setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--mount-proc"),
    *("--kill-child=KILL", "--"),
)
NO_SPACE = re.compile(r"No space left on device|enough free space|Disk quota exceeded", re.IGNORECASE)
NO_NETWORK = re.compile(
    r"Temporary failure (?:in name resolution|resolving)|Could not (?:resolve|connect)|"
    r"Network is unreachable|Name or service not known|Connection (?:refused|timed out)|"
    r"Failed to fetch|NewConnectionError|No route to host",
    re.IGNORECASE,
)


def diagnose(doing: str, status: int, lines: Iterable[str], log: Path) -> errors.UserError:
    """Return the error for a command that failed; the last lines of its output show why."""
    known = [line.strip() for line in lines if line.strip()]
    for line in known:
        if NO_SPACE.search(line):
            return errors.disk_full(log.parent)
    for line in known:
        if NO_NETWORK.search(line):
            why = "failed because the network did not answer: check it, and run this again"
            return errors.UserError(f"{doing} {why} ({line}; see {log}).")
    last = known[-1] if known else "it printed nothing"
    return errors.UserError(f"{doing} failed with status {status}: {last} (see {log}).")


def run(
    argv: Sequence[str],
    *,
    doing: str,
    log: Path,
    timeout: float,
    env: Mapping[str, str] | None = None,
    contained: bool = True,
) -> None:
    """Run ``argv`` with no standard input; raise `UserError` if it fails or runs longer than ``timeout``.

    ``doing`` names it for people ("building the image"); the log is added to. The output goes
    through this process, so that a full disk under the log does not make it fail.
    If ``contained``, it ends with this process and leaves no mount, however this process ends.
    """
    tail: collections.deque[str] = collections.deque(maxlen=60)
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            [*(CONTAINED if contained else ()), *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise errors.UserError(f"{doing} failed: there is no command {error.filename!r}.") from error
    running.add(process.pid)
    alarm = threading.Timer(timeout, kill_session, [process.pid])
    alarm.daemon = True
    alarm.start()
    try:
        with process, contextlib.ExitStack() as stack:
            sink = None
            with contextlib.suppress(OSError):
                log.parent.mkdir(parents=True, exist_ok=True)
                sink = stack.enter_context(log.open("a", errors="replace"))
            for line in process.stdout or ():
                tail.append(line)
                if sink is not None:
                    with contextlib.suppress(OSError):
                        sink.write(line)
                        sink.flush()
            status = process.wait()
    except BaseException:
        kill_session(process.pid)
        raise
    finally:
        alarm.cancel()
        running.discard(process.pid)
    if status and time.monotonic() - started >= timeout:
        last = tail[-1].strip() if tail else "nothing"
        raise errors.UserError(
            f"{doing} did not finish within {timeout:.0f} s and was stopped; its last line was {last!r} (see {log})."
        )
    if status:
        raise diagnose(doing, status, tail, log)


def stop_all() -> None:
    """Kill every command that `run` has under way in any thread."""
    for leader in tuple(running):
        kill_session(leader)


def kill_session(leader: int) -> None:
    """Kill the process group of a command that `run` started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
