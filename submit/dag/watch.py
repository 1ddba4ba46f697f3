#!/usr/bin/env -S python3 -B
"""Report when a session is ready, and pass on its warnings, for as long as the DAG runs.

Follows DAGMan's log and queries nothing while the log does not grow. DAGMan ends this process.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

import condor
import nodes_log
import notify
from chtc_condor.codes import JobEventType
from chtc_condor.event_log import Event, measure_complete, parse_events

#: Seconds between two looks at the log.
LOOK = 1.0


class Watcher:
    """Turns events into news for the user: a state and a sentence."""

    def __init__(self) -> None:
        self._ready: set[str] = set()
        self._evicted: dict[str, str] = {}

    def apply_event(self, event: Event) -> tuple[str, str] | None:
        """Take an event; return the news in it, if there is any."""
        job, announcement = event.job, event.announcement
        if event.type == JobEventType.EXECUTE:
            self._ready.discard(job)
        if event.type == JobEventType.JOB_EVICTED:
            self._evicted[job] = event.reason or "the machine was needed"
        if "warning" in announcement:
            return "warning", announcement["warning"]
        if announcement.get("state") == "ready" and job not in self._ready:
            self._ready.add(job)
            again = f" again after an eviction ({self._evicted.pop(job)})" if job in self._evicted else ""
            how = f"run condor_q {job} -af JupyterConnect to get the line to paste on your laptop"
            return "ready", f"The session is ready{again}: {how}."
        return None


def follow(log: Path, watcher: Watcher) -> NoReturn:
    """Pass on the news in the log, and those to come."""
    offset = 0
    while True:
        data = nodes_log.read_log(log, offset)
        end = measure_complete(data)
        for event in parse_events(data[:end]):
            if (news := watcher.apply_event(event)) and notify.notify_user(*news, event.at) and news[0] == "ready":
                with contextlib.suppress(condor.CondorError):  # the history has the news
                    condor.send_mail(event.job, f"[HTCondor] Job {event.job}: JupyterLab is ready", news[1])
        offset += end
        time.sleep(LOOK)


def main() -> NoReturn:
    """Run until DAGMan ends this process with SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    follow(notify.find_nodes_log(), Watcher())


if __name__ == "__main__":
    main()
