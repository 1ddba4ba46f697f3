"""Read what a host's processes cost from its kernel: memory (PSS), CPU time, and open files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from testbed.pool.pool import Pool

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Sums over processes: MB of memory (PSS), seconds of CPU so far, open files."""

    processes: int = 0
    memory: float = 0.0
    cpu: float = 0.0
    files: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.processes + other.processes,
            self.memory + other.memory,
            self.cpu + other.cpu,
            self.files + other.files,
        )


def by_kind(pool: Pool, host: str, kinds: Mapping[str, str]) -> dict[str, Cost]:
    """Return the cost of each kind of process on a host; a kind is a regular expression for its command line.

    A process is of the first kind that matches. What ends meanwhile does not count.
    """
    found = dict.fromkeys(kinds, Cost())
    for folder in pool.path(host, "/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if kind := next((kind for kind, pattern in kinds.items() if re.search(pattern, line)), None):
                found[kind] += _of(folder)
    return found


def _of(folder: Path) -> Cost:
    pss = re.search(r"^Pss: +(\d+) kB", (folder / "smaps_rollup").read_text(), re.MULTILINE)
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    cpu = (int(fields[11]) + int(fields[12])) / _TICKS
    return Cost(1, int(pss[1]) * 1024 / 1e6 if pss else 0.0, cpu, sum(1 for _ in (folder / "fd").iterdir()))
