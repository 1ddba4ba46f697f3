"""What the user sees of a session that is being opened: one value, and what renders its changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from chtc_jupyter import messages
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.durations import format_duration
from chtc_jupyter.session import ConnectionState
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal

#: Phases that take time, which is shown when they are over.
_STEPS = (Phase.QUEUED, Phase.TRANSFER, Phase.RUNNING, Phase.STOPPING, Phase.SUSPENDED, Phase.LOST)


@dataclass(frozen=True)
class Progress:
    """What there is to show of a session at one moment.

    `step` is where its job is; `line` says more of it, or why there is no connection. `timed` if the step takes time,
    `waits` if the line will be followed by others. `open` if the address leads to JupyterLab now.
    """

    phase: Phase
    connected: bool
    open: bool
    step: str
    line: str
    timed: bool
    waits: bool

    @property
    def ticks(self) -> bool:
        """Whether to show how long the step has taken so far, or how long there has been no connection."""
        return self.timed if self.connected else self.waits


def describe(record: Record, job: JobProgress, connection: ConnectionState, *, is_open: bool, why: str) -> Progress:
    """Return what there is to show; `why` says why a step takes long, if that is known."""
    step = f"job {record.job}: {messages.describe_progress(job)}"
    line = step
    if not connection.up:
        line = connection.why
    else:
        if job.phase is Phase.READY and not is_open:
            line += "; opening the tunnel..."
        if why:
            line += f"{':' if job.phase is Phase.QUEUED else ';'} {why}"
    return Progress(
        job.phase,
        connection.up,
        is_open,
        step,
        line,
        timed=job.phase in _STEPS or (job.phase is Phase.READY and not is_open),
        waits=job.phase not in (Phase.HELD, Phase.ENDED) and not is_open,
    )


class ProgressRenderer:
    """Shows in the terminal what has changed, and how long each step took."""

    def __init__(self, terminal: Terminal, job: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._job = job
        self._clock = clock
        self._now: Progress | None = None
        self._since = self._changed = clock()  # of the step; of the connection's end or return

    @property
    def phase(self) -> Phase | None:
        """The phase that was shown last."""
        return self._now.phase if self._now else None

    def render(self, new: Progress) -> None:
        """Show what differs from what was shown last."""
        old, self._now = self._now, new
        if old is None or new.step != old.step:
            if old and old.timed and self._terminal.err.is_terminal:
                self._terminal.say(f"{old.step} ({self._elapsed()})")
            self._since = self._clock()
        if old is None or new.connected != old.connected:
            self._changed = self._clock()
        if old is None or new.line != old.line:
            self._terminal.report(
                {"event": new.phase.value, "job": self._job, "connected": new.connected, "open": new.open,
                 "message": new.line}
            )  # fmt: skip
            (self._terminal.wait if new.waits else self._terminal.say)(new.line)

    def tick(self) -> None:
        """Show how long the step has taken so far."""
        if self._now and self._now.ticks and self._terminal.err.is_terminal:
            self._terminal.wait(f"{self._now.line} ({self._elapsed()})")

    def leave_line(self) -> None:
        """Leave the moving line in the terminal, because a question takes its place."""
        if self._now and self._now.waits and self._terminal.err.is_terminal:
            self._terminal.say(f"{self._now.line} ({self._elapsed()})" if self._now.ticks else self._now.line)

    def _elapsed(self) -> str:
        is_cut = self._now is not None and not self._now.connected
        return format_duration(self._clock() - (self._changed if is_cut else self._since))
