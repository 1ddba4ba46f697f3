"""What the slot gives to the job, and what is used of it, for those who show it."""

from __future__ import annotations

from typing import Any

from jupyter_session.condor.job_ad import Job
from jupyter_session.memory.guard import MemoryGuard

_KILOBYTE = 1024


def describe_slot(job: Job | None, guard: MemoryGuard) -> dict[str, Any]:
    """Return `cpus` (cores), `disk` (bytes), and `memory` (`used` and `limit`, bytes); None for what is unknown."""
    machine = job.machine if job else {}
    cpus, disk = machine.get("cpus"), machine.get("disk")  # the machine's own unit is KiB
    return {
        "cpus": cpus if isinstance(cpus, (int, float)) and cpus > 0 else None,
        "disk": disk * _KILOBYTE if isinstance(disk, (int, float)) and disk > 0 else None,
        "memory": {"used": guard.used, "limit": guard.meter.limit} if guard.meter and guard.used else None,
    }
