#!/usr/bin/env -S python3 -B
"""Report why a session's job is on hold, and what to do.

hold.py JOB
"""

from __future__ import annotations

import sys

import nodes_log
import notify
from chtc_condor.codes import JobEventType
from chtc_condor.event_log import parse_events
from chtc_condor.hold_advice import Commands, advise_on_hold


def describe_hold(job: str, reason: str, code: int | None = None) -> str:
    """Return why a job is on hold, and the next step."""
    release, remove = f"condor_release {job}", f"condor_rm {job}"
    commands = Commands(
        release=release,
        remove=remove,
        more_memory=f"run condor_qedit {job} RequestMemory 8192 (in MB), then {release}; or {remove} to give it up",
        more_disk=f"run condor_qedit {job} RequestDisk 16000000 (in KB), then {release}; or {remove} to give it up",
        another_image=f"replace the file, then run {release}; or {remove} to give it up",
    )
    return f"Job {job} is on hold: {reason.rstrip('.')}. {advise_on_hold(reason, commands, code)}"


def main(job: str) -> int:
    """Return the exit status, which DAGMan ignores."""
    events = parse_events(nodes_log.read_log(notify.find_nodes_log()))
    holds = [event for event in events if event.job == job and event.type == JobEventType.JOB_HELD]
    if holds:
        notify.notify_user("held", describe_hold(job, holds[-1].reason, holds[-1].code), holds[-1].at)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
