"""Kernels: busy ones, however silent, unless they have stalled; idle ones in which something still works."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from jupyter_session.activity.grouping import Role
from jupyter_session.activity.process_groups import Group
from jupyter_session.activity.programs_at_work import Work
from jupyter_session.activity.requests import Get
from jupyter_session.activity.sample import Sample
from jupyter_session.jupyter.lab import LabError
from jupyter_session.units.durations import format_duration

#: Share of a core from which a busy kernel makes progress. One that waits in input() looks for the answer a hundred
#: times a second, which takes 0.01.
PROGRESS_CPU = 0.03


@dataclass(frozen=True)
class _Seen:
    """What is remembered of a kernel: Jupyter's `last_activity`, and when it last made progress."""

    message: object
    progress: float


class Kernels:
    """Asks Jupyter which kernels are busy, and the process table what they do.

    Jupyter's `last_activity` is on the wall clock, which can jump; that it changed is certain. A busy kernel whose
    processes nobody knows never stalls. `gpu_works`: a kernel that waits for a GPU of the job makes progress.
    """

    name = "kernels"
    path = "/api/kernels?no_track_activity=1"

    def __init__(
        self, get: Get, work: Work, stall_timeout: float | None, gpu_works: Callable[[], bool] = lambda: False
    ) -> None:
        self._get = get
        self._work = work
        self._stall_timeout = stall_timeout
        self._gpu_works = gpu_works
        self._seen: dict[str, _Seen] = {}
        self._last: float | None = None

    def sample(self, now: float) -> Sample:
        """Look once; LabError, or another error, when Jupyter does not answer as it should and no kernel works."""
        groups = {group.key: group for group in self._work.groups(now, Role.KERNEL)}
        try:
            answer = self._get(self.path)
        except LabError as error:
            return self._without_jupyter(groups.values(), now, error)
        seen: dict[str, _Seen] = {}
        busy, stalled, working, idle = [], [], [], 0
        for kernel in answer:
            group = groups.pop(kernel["id"], None)
            how = self._work.doing(group, now) if group else ""
            before = self._seen.get(kernel["id"])
            is_busy = kernel["execution_state"] == "busy"
            progress = now
            if before is None or kernel["last_activity"] != before.message:
                self._last = now
            elif is_busy and not how and not self._moves(group, now):
                progress = before.progress
            seen[kernel["id"]] = _Seen(kernel["last_activity"], progress)
            words = f"{kernel['name']}, {how}" if how else str(kernel["name"])
            if not is_busy:
                working += [words] if how else []
                idle += not how
            elif self._stall_timeout is None or now - progress < self._stall_timeout:
                busy.append(words)
            else:
                stalled.append(now - progress)
        # Those of another server that the user has started.
        working += [f"{group.label}, {how}" for group in groups.values() if (how := self._work.doing(group, now))]
        self._seen = seen
        if busy or working:
            self._last = now
        detail = _detail(busy, stalled, working, idle)
        return Sample(source=self.name, active=bool(busy or working), last=self._last, detail=detail)

    def _without_jupyter(self, groups: Iterable[Group], now: float, error: LabError) -> Sample:
        """Look at the processes alone: a server that hangs doesn't keep a kernel from working."""
        working = [f"{group.label}, {how}" for group in groups if (how := self._work.doing(group, now))]
        if not working:
            raise error
        self._last = now
        detail = f"{len(working)} at work ({'; '.join(working)}), and Jupyter does not answer"
        return Sample(source=self.name, active=True, last=now, detail=detail)

    def _moves(self, group: Group | None, now: float) -> bool:
        """Say whether a busy kernel makes any progress; the network is asked last, since it costs most."""
        return (
            group is None
            or group.cpu >= PROGRESS_CPU
            or group.disk > 0
            or self._gpu_works()
            or self._work.net(group, now) > 0
        )


def _detail(busy: Sequence[str], stalled: Sequence[float], working: Sequence[str], idle: int) -> str:
    parts = [
        f"{len(busy)} busy ({'; '.join(busy)})" if busy else "",
        f"{len(working)} idle but at work ({'; '.join(working)})" if working else "",
        f"{len(stalled)} busy without progress for {format_duration(min(stalled))}, taken for stalled"
        if stalled
        else "",
        f"{idle} idle" if idle else "",
    ]
    return ", ".join(filter(None, parts)) or "none"
