"""How much memory the slot has, and how much of it the job uses, in bytes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from jupyter_session.condor.job_ad import Job

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEGABYTE = 1 << 20
_STEP = 0.01  # of the limit: an upper bound that has moved by so much is worth an exact look
_TRUST = 10.0  # seconds for which it is an upper bound
_SHARE = 0.05  # of the time, for exact looks that are not urgent


class Meter(Protocol):
    """Knows the `limit` and what is used of it. `peak` is the most that was used at a look."""

    limit: int
    peak: int

    def look(self, *, exact_from: int) -> int:
        """Return what the job uses: exactly where it is `exact_from` or more, else at most so much."""


def find_meter(job: Job | None, proc: Path = PROC, cgroups: Path = CGROUPS) -> Meter | None:
    """Return what measures the job's memory; None outside a job, or where nothing does.

    The job's own cgroup if it can be read: one whose limit is no more than the slot's memory. Otherwise its processes,
    where the container shows no others.
    """
    slot = _slot_memory(job) if job else None
    if slot is None:
        return None
    for folder in _own_cgroups(proc, cgroups):
        with suppress(OSError, ValueError):
            limit = int((folder / "memory.max").read_text())
            return CgroupMeter(folder, limit) if limit <= slot else ProcessMeter.if_contained(proc, slot)
    return ProcessMeter.if_contained(proc, slot)


class CgroupMeter:
    """A cgroup v2, as the kernel counts it for its limit; without the file cache, which it would give back first.

    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.limit = limit
        self.peak = 0
        self._folder = folder

    def look(self, *, exact_from: int) -> int:  # noqa: ARG002 - it is always exact
        """Return what can't be given back. OSError when the cgroup can't be read any more."""
        about = dict(line.split() for line in (self._folder / "memory.stat").read_text().splitlines())
        cache = sum(int(about.get(name, 0)) for name in ("active_file", "inactive_file", "slab_reclaimable"))
        used = max(0, int((self._folder / "memory.current").read_text()) - cache)
        self.peak = max(self.peak, used)
        return used


class ProcessMeter:
    """The sum over all processes of a container.

    Pages that several share are counted once for each in the quick sum (RSS), and once in all in the exact one (PSS),
    for which the kernel walks through all of them. So the exact one is taken where it matters. In between, it has
    grown by no more than the quick one has; but for pages that a forked process no longer shares, hence `_TRUST`.
    """

    def __init__(self, proc: Path, limit: int) -> None:
        self.limit = limit
        self.peak = 0
        self._proc = proc
        self._quick = self._bound = self._exact = 0
        self._exact_at, self._took = float("-inf"), 0.0

    @classmethod
    def if_contained(cls, proc: Path, limit: int) -> ProcessMeter | None:
        """Return one if no other job's processes can be seen: the first is that of Apptainer's, or Singularity's."""
        try:
            first = (proc / "1/comm").read_text().strip()
        except OSError:
            return None
        return cls(proc, limit) if first in ("appinit", "sinit") else None

    def look(self, *, exact_from: int) -> int:
        """Return the sum."""
        now = time.monotonic()
        pids = [name for name in os.listdir(self._proc) if name.isdigit()]  # noqa: PTH208 - often
        quick = sum(_resident(self._proc / pid) for pid in pids)
        self._bound = min(quick, self._bound + max(0, quick - self._quick))
        self._quick = quick
        rested = now - self._exact_at > self._took / _SHARE
        moved = self._bound - self._exact > _STEP * self.limit
        if (
            (moved and self._bound >= min(self.peak, exact_from))
            or (rested and self._bound >= exact_from)
            or (rested and quick >= exact_from and now - self._exact_at > _TRUST)
        ):
            self._bound = self._exact = sum(read_memory(int(pid), self._proc) for pid in pids)
            self.peak = max(self.peak, self._exact)
            self._exact_at = time.monotonic()
            self._took = self._exact_at - now
        return self._bound


def read_memory(pid: int, proc: Path = PROC) -> int:
    """Return what a process holds, its part of what it shares; 0 when it has ended."""
    folder = proc / str(pid)
    with suppress(OSError):
        found = re.search(rb"^Pss: +(\d+) kB", (folder / "smaps_rollup").read_bytes(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    return _resident(folder)


def _resident(folder: Path) -> int:
    try:
        return int((folder / "statm").read_bytes().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _slot_memory(job: Job) -> int | None:
    for value in (
        job.machine.get("memory"),
        job.attributes.get("memoryprovisioned"),
        job.attributes.get("requestmemory"),
    ):
        if isinstance(value, (int, float)) and value > 0:
            return int(value) * _MEGABYTE
    return None


def _own_cgroups(proc: Path, cgroups: Path) -> Iterator[Path]:
    """Yield this process's cgroup v2 and those above it."""
    with suppress(OSError):
        found = re.search(r"^0::/(.+)$", (proc / "self/cgroup").read_text(), re.MULTILINE)
        folder = cgroups / found[1] if found else cgroups
        yield from (above for above in (folder, *folder.parents) if cgroups in above.parents)
