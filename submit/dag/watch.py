#!/usr/bin/env -S python3 -B
"""Say when a session is ready, and when it warns, for as long as the DAG.

watch.py NODE

It reads DAGMan's log as it grows: no query while nothing changes. DAGMan ends it.
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
from nodes_log import Event

#: Seconds between two looks at the log.
LOOK = 1.0


class Watcher:
    """Turns events into what the user is told: a state and a sentence."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._jobs: set[str] = set()
        self._ready: set[str] = set()
        self._why: dict[str, str] = {}

    def after(self, event: Event) -> tuple[str, str] | None:
        """Take an event; return what it has to tell."""
        job, said = event.job, event.said
        if event.number == 0 and event.node == self._node:
            self._jobs.add(job)
        if job not in self._jobs:
            return None
        if event.number == 1:
            self._ready.discard(job)
        if event.number == 4:
            self._why[job] = event.why or "the machine was needed"
        if "warning" in said:
            return "warning", said["warning"]
        if said.get("state") == "ready" and job not in self._ready:
            self._ready.add(job)
            again = f" again, after an eviction ({self._why.pop(job)})" if job in self._why else ""
            paste = f"condor_q {job} -af JupyterConnect prints the line to paste on your laptop"
            return "ready", f"The session is ready{again}: {paste}."
        return None


def follow(log: Path, watcher: Watcher) -> NoReturn:
    """Tell what is in the log, and what comes."""
    offset = 0
    while True:
        data = nodes_log.read(log, offset)
        end = nodes_log.whole(data)
        for event in nodes_log.events(data[:end]):
            if (news := watcher.after(event)) and notify.notify_user(*news, event.at) and news[0] == "ready":
                with contextlib.suppress(condor.CondorError):  # the history has it
                    condor.mail(event.job, f"[HTCondor] Job {event.job}: JupyterLab is ready", news[1])
        offset += end
        time.sleep(LOOK)


def main(node: str) -> NoReturn:
    """Run until DAGMan ends it, by SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    follow(notify.nodes_log(), Watcher(node))


if __name__ == "__main__":
    main(*sys.argv[1:])
