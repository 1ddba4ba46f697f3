#!/usr/bin/env -S python3 -B
"""Say why a session's job is on hold, and what to do.

hold.py JOB
"""

from __future__ import annotations

import re
import sys

import nodes_log
import notify


def sentence(job: str, why: str) -> str:
    """Return what to tell of a job that is on hold."""
    return f"Job {job} is on hold: {why.rstrip('.')}. {advice(job, why)}"


def advice(job: str, why: str) -> str:
    """Return the next step."""
    low, release = why.lower(), f"condor_release {job}"
    give_up = f"condor_rm {job} gives it up"
    if "condor_hold" in low:
        return f"Somebody held it: {release} lets it go on, {give_up}."
    if "memory" in low:
        return f"Ask for more, in MB: condor_qedit {job} RequestMemory 8192; {release}; {give_up}."
    if re.search(r"disk|space|quota", low):
        return f"Make room; or ask for more, in KB: condor_qedit {job} RequestDisk 16000000; {release}; {give_up}."
    if re.search(r"image|\.sif|singularity|apptainer|container|transfer", low):
        return f"See that the image and the notebooks folder are there and whole; {release}; {give_up}."
    return f"{release} tries again, {give_up}."


def main(job: str) -> int:
    """Return the exit status, which DAGMan ignores."""
    holds = [
        event
        for event in nodes_log.events(nodes_log.read(notify.nodes_log()))
        if event.job == job and event.number == 12
    ]
    if holds:
        notify.notify_user("held", sentence(job, holds[-1].why), holds[-1].at)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
