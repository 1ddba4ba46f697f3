"""Processes that outlive the one that started them, identified by more than a number that is used again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process of this machine: its number, its start in clock ticks, and the boot it ran in."""

    pid: int
    start: str
    boot: str

    @classmethod
    def read(cls, path: Path) -> Process | None:
        """Return the identity that sandbox.sh wrote to a file; None if there is none."""
        try:
            pid, start, boot = path.read_text().split()
            return cls(int(pid), start, boot)
        except (FileNotFoundError, ValueError):
            return None

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """Return the identity of the running process ``pid``; None if there is none."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()
        if fields[0] in "ZX":  # ended, not yet reaped
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return cls(pid, fields[19], boot)

    def alive(self) -> bool:
        """Return whether it still runs."""
        return Process.of(self.pid) == self

    def kill(self, timeout: float = 20) -> bool:
        """Kill it, if it still runs, and wait until it is gone; return whether it is."""
        deadline = time.monotonic() + timeout
        while self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def children(pid: int) -> list[int]:
    """Return the numbers of a process's children."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
