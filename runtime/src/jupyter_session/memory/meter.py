"""How much memory the slot has, and how much of it the job uses, in bytes."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from jupyter_session.activity.procfs import read_file
from jupyter_session.condor.job_ad import Job

_LOG = logging.getLogger(__name__)
PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEGABYTE = 1 << 20
_STEP = 0.01  # of the limit: an upper bound that has grown by this much is worth an exact look
_TRUST = 10.0  # seconds for which the upper bound is one
_SHARE = 0.05  # of the time, for exact looks that are not urgent


class Meter(Protocol):
    """Knows the memory `limit`, and measures what is used of it. `peak` is the most that was used at a look."""

    limit: int
    peak: int

    def look(self, *, exact_from: int) -> int:
        """Return what the job uses: exactly if it is `exact_from` or more, otherwise an upper bound."""


def find_meter(job: Job | None, proc: Path = PROC, cgroups: Path = CGROUPS) -> Meter | None:
    """Return what measures the job's memory; None outside a job, or if nothing can.

    That is the job's own cgroup if it can be read: one whose limit is at most the slot's memory. Otherwise it is the
    job's processes, if the container shows no others.
    """
    slot = _find_slot_memory(job) if job else None
    if slot is None:
        return None
    for folder in _list_own_cgroups(proc, cgroups):
        try:
            limit = int((folder / "memory.max").read_text())
        except (OSError, ValueError) as error:  # "max" is no limit
            _LOG.debug("a cgroup has no memory limit: %s", error)
            continue
        return CgroupMeter(folder, limit) if limit <= slot else ProcessMeter.if_contained(proc, slot)
    return ProcessMeter.if_contained(proc, slot)


class CgroupMeter:
    """A cgroup v2, as the kernel counts it for its limit, without the file cache, which it would free first.

    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.limit = limit
        self.peak = 0
        self._folder = folder

    def look(self, *, exact_from: int) -> int:  # noqa: ARG002 - it is always exact
        """Return what can't be freed. Raises OSError if the cgroup can't be read anymore."""
        about = dict(line.split() for line in (self._folder / "memory.stat").read_text().splitlines())
        cache = sum(int(about.get(name, 0)) for name in ("active_file", "inactive_file", "slab_reclaimable"))
        used = max(0, int((self._folder / "memory.current").read_text()) - cache)
        self.peak = max(self.peak, used)
        return used


class ProcessMeter:
    """The sum over all processes of a container.

    Pages that several processes share count once for each in the quick sum (RSS), and once in total in the exact one
    (PSS), for which the kernel walks through all of them. So the exact sum is taken only where it matters. In between,
    it grows by at most as much as the quick one; except for pages that a forked process no longer shares, hence
    `_TRUST`.
    """

    def __init__(self, proc: Path, limit: int) -> None:
        self.limit = limit
        self.peak = 0
        self._proc = proc
        self._quick = self._bound = self._exact = 0
        self._exact_at, self._took = float("-inf"), 0.0

    @classmethod
    def if_contained(cls, proc: Path, limit: int) -> ProcessMeter | None:
        """Return a meter if no other job's processes are visible: the first one is Apptainer's or Singularity's."""
        try:
            first = (proc / "1/comm").read_text().strip()
        except OSError:
            return None
        return cls(proc, limit) if first in ("appinit", "sinit") else None

    def look(self, *, exact_from: int) -> int:
        """Return the sum: an upper bound, unless it matters."""
        now = time.monotonic()
        pids = [name for name in os.listdir(self._proc) if name.isdigit()]  # noqa: PTH208 - often
        quick = sum(_read_resident(f"{self._proc}/{pid}") for pid in pids)
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
    """Return the bytes that a process uses, with its part of what it shares; 0 if it has ended."""
    folder = f"{proc}/{pid}"
    try:
        about = read_file(f"{folder}/smaps_rollup")
    except OSError:  # ended meanwhile, or another user's: the resident pages are the next best figure
        return _read_resident(folder)
    found = re.search(rb"^Pss: +(\d+) kB", about, re.MULTILINE)
    return int(found[1]) * 1024 if found else _read_resident(folder)


def _read_resident(folder: str) -> int:
    try:
        return int(read_file(f"{folder}/statm").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _find_slot_memory(job: Job) -> int | None:
    for value in (
        job.machine.get("memory"),
        job.attributes.get("memoryprovisioned"),
        job.attributes.get("requestmemory"),
    ):
        if isinstance(value, (int, float)) and value > 0:
            return int(value) * _MEGABYTE
    return None


def _list_own_cgroups(proc: Path, cgroups: Path) -> Iterator[Path]:
    """Yield this process's cgroup v2 and those above it."""
    try:
        found = re.search(r"^0::/(.+)$", (proc / "self/cgroup").read_text(), re.MULTILINE)
    except OSError as error:
        _LOG.debug("the process's cgroup is unknown: %s", error)
        return
    folder = cgroups / found[1] if found else cgroups
    yield from (above for above in (folder, *folder.parents) if cgroups in above.parents)
