"""The watchdog: the job's first process, which does nothing but outlive the supervisor and explain its sudden end.

A process that is killed by SIGKILL, which the kernel does when memory is short, can't report anything. So the
supervisor is the child of a process that is too small to be killed for its memory: a Python that runs
`wait_for_supervisor`, and becomes one that runs `sudden_end` if the supervisor was killed.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from jupyter_session import output
from jupyter_session.condor.job_ad import Job
from jupyter_session.errors import SessionError
from jupyter_session.session import wait_for_supervisor
from jupyter_session.settings import Settings
from jupyter_session.state_dir import StateDir

_SUDDEN_END = "jupyter_session.session.sudden_end"
#: The signals that end a session, which the watchdog passes on, and the one of a child's end.
_AWAITED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@dataclass(frozen=True)
class Remains:
    """What must be known to end in order what a killed supervisor left behind.

    `publishes`: its job ad shows this session. `started`: epoch seconds.
    """

    settings: Settings
    job: Job | None
    state: StateDir
    publishes: bool
    started: float

    def write(self) -> int:
        """Return an open file that has it, for a program that this process becomes. No other process knows it.

        Raises SessionError.
        """
        try:
            with tempfile.TemporaryFile(dir=self.state.root) as file:
                pickle.dump(self, file)
                file.flush()
                memory = os.dup(file.fileno())
        except OSError as error:
            raise SessionError(f"The session's folder {self.state.root} can't be written ({error.strerror}).") from None
        os.set_inheritable(memory, True)
        return memory

    @staticmethod
    def read(memory: int) -> Remains:
        """Return what `write` wrote into an open file."""
        with os.fdopen(memory, "rb") as file:
            file.seek(0)
            return pickle.load(file)  # type: ignore[no-any-return]  # noqa: S301 - this process wrote it


def fork(state: StateDir, remains: int) -> None:
    """Go on in a new process, the supervisor's; this one becomes the watchdog, and ends with the exit status of that.

    `remains` is the open file that has the `Remains`. Call this before there are threads.
    """
    output.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    if child := os.fork():
        state.hand_on_lock()
        own = state.environment()  # what has these is taken for a program of the session's user
        _watch(child, remains, {name: value for name, value in os.environ.items() if name not in own})
    os.close(remains)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _watch(supervisor: int, remains: int, environ: Mapping[str, str]) -> NoReturn:
    python = [sys.executable, *(["-I"] if sys.flags.isolated else [])]
    explain = [*python, "-m", _SUDDEN_END, str(remains)]
    try:
        os.execve(sys.executable, [*python, "-S", wait_for_supervisor.__file__, str(supervisor), *explain], environ)
    except OSError:  # memory is short: this process is larger, but it is there
        sys.exit(wait_for_supervisor.main(supervisor, explain))
