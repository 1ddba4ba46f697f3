"""The keeper: the job's first process, which does nothing but outlive the supervisor and explain its sudden end.

A process that is killed by SIGKILL, the kernel's way out when memory is short, can't say a word. So the supervisor is
the child of a process that is too small to be chosen for that.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from jupyter_session.condor.attributes import End, State, build_attributes, render_event
from jupyter_session.condor.connection import name_connection_file
from jupyter_session.condor.publisher import JobAdPublisher
from jupyter_session.jupyter.lab import end_orphans
from jupyter_session.state_dir import StateDir

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Together well below the 30 s between HTCondor's SIGTERM and SIGKILL, should that come meanwhile.
_SHUTDOWN_WAIT, _KILL_WAIT, _PUBLISH_WAIT = 8.0, 1.0, 5.0


def fork() -> int | None:
    """Return None in a new process, the one to be kept; in this one, once that has ended, its exit status.

    The status is as `subprocess` has it: negative when a signal killed the child. Meanwhile the signals that end a
    session are passed on to it. To be called before there are threads.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (*_FORWARDED, signal.SIGCHLD))
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return None
    while True:
        number = signal.sigwait((*_FORWARDED, signal.SIGCHLD))
        if number != signal.SIGCHLD:
            os.kill(child, number)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)


def clear_up(
    number: int, job_id: str | None, state: StateDir, publisher: JobAdPublisher, *, notebooks: Path, started: float
) -> str:
    """End in order what a supervisor that signal `number` killed has left; return what happened, in one sentence.

    `started`, epoch seconds, is for the receipt in the notebook folder.
    """
    reason = f"The session's supervisor was killed by {signal.Signals(number).name}: the notebooks are as last saved."
    if number == signal.SIGKILL:
        reason += " The kernel does that when memory is short; request_memory asks for more."
    for file in state.runtime.glob("jpserver-*.json"):
        _end_server(int(file.stem.removeprefix("jpserver-")))
    # Imported only now, so that this process was small until then.
    with suppress(Exception):
        from jupyter_session.tmux.server import Tmux  # noqa: PLC0415

        Tmux().kill()
    with suppress(Exception):
        from jupyter_session.session.receipt import Receipt, changed_files  # noqa: PLC0415

        Receipt(
            state=State.FAILED.value,
            end=End.FAILED.value,
            reason=reason,
            job=job_id,
            started=started,
            seconds=time.time() - started,
            changed=changed_files(notebooks, started, _KILL_WAIT),
        ).write(notebooks)
    values = build_attributes(State.FAILED, reason, None, None, end=End.FAILED)
    files = {name_connection_file(job_id): None} if job_id else {}
    publisher.publish(values, render_event(values), files)
    publisher.close(_PUBLISH_WAIT)
    state.clear(keep_log=True)
    return reason


def _end_server(pid: int) -> None:
    """Ask JupyterLab to end with its kernels; then insist."""
    with suppress(ProcessLookupError):
        server = os.pidfd_open(pid)
        for number, patience in ((signal.SIGTERM, _SHUTDOWN_WAIT), (signal.SIGKILL, _KILL_WAIT)):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(server, number)
            if select.select([server], [], [], patience)[0]:
                break
        os.close(server)
    end_orphans(pid)
