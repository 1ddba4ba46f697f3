"""The watchdog: the job's first process, which does nothing but outlive the supervisor and explain its sudden end.

A process that is killed by SIGKILL, which the kernel does when memory is short, can't report anything. So the
supervisor is the child of a process that is too small to be killed for its memory: a Python that runs
`wait_for_supervisor`, and becomes one that runs `sudden_end` if the supervisor was killed.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from jupyter_session import output
from jupyter_session.condor.job_ad import Job
from jupyter_session.settings import Settings
from jupyter_session.state_dir import StateDir

_WAIT = str(Path(__file__).with_name("wait_for_supervisor.py"))
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
        """Return an open file that has it, of which no other process knows; programs that this one becomes have it."""
        import pickle  # noqa: PLC0415 - not in the supervisor

        memory = os.memfd_create("remains", flags=0)
        with os.fdopen(memory, "wb", closefd=False) as file:
            pickle.dump(self, file)
        return memory

    @staticmethod
    def read(memory: int) -> Remains:
        """Return what `write` wrote into an open file."""
        import pickle  # noqa: PLC0415

        with os.fdopen(memory, "rb") as file:
            file.seek(0)
            return pickle.load(file)  # type: ignore[no-any-return]  # noqa: S301 - this process wrote it


def fork(remains: Remains) -> None:
    """Go on in a new process, the supervisor's; this one becomes the watchdog, and ends with the exit status of that.

    Call this before there are threads.
    """
    output.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    if child := os.fork():
        _become_watchdog(child, remains)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _become_watchdog(child: int, remains: Remains) -> NoReturn:
    remains.state.hand_on_lock()
    python = [sys.executable, *(["-I"] if sys.flags.isolated else [])]
    explain = [*python, "-m", _SUDDEN_END, str(remains.write())]
    own = remains.state.environment()  # what has these is taken for a program of the session's user
    variables = {name: value for name, value in os.environ.items() if name not in own}
    os.execve(sys.executable, [*python, "-S", _WAIT, str(child), *explain], variables)
