"""Kernels: busy ones, however silent, unless they have stalled; and idle ones with something active in them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_session.activity.extension_report import Get, Told
from jupyter_session.activity.grouping import Role
from jupyter_session.activity.process_groups import Group
from jupyter_session.activity.programs_at_work import Work
from jupyter_session.activity.sample import Sample
from jupyter_session.jupyter.lab import LabError
from jupyter_session.units.durations import format_duration

_LOG = logging.getLogger(__name__)

#: Share of a core from which a busy kernel makes progress. A kernel that waits in input() looks for the answer 100
#: times a second, which takes 0.01.
PROGRESS_CPU = 0.03


@dataclass(frozen=True)
class _Seen:
    """What is remembered about a kernel: what changes with each message, and when it last made progress."""

    message: object
    progress: float


class Kernels:
    """Asks Jupyter which kernels are busy, and the process table what they do.

    Our server extension knows which kernels run a cell (see `jupyter.extension.kernel_tracker`). If it doesn't answer,
    Jupyter's own `execution_state` counts, which is often wrong, and `detail` says so. Jupyter's `last_activity` is on
    the wall clock, which can jump, so only its changes matter. A busy kernel whose processes are unknown never stalls.
    `gpu_works`: a kernel that waits for a GPU of the job makes progress.
    """

    name = "kernels"
    jupyters_own_path = "/api/kernels?no_track_activity=1"

    def __init__(
        self,
        told: Told,
        get: Get,
        work: Work,
        stall_timeout: float | None,
        gpu_works: Callable[[], bool] = lambda: False,
    ) -> None:
        self._told = told
        self._get = get
        self._work = work
        self._stall_timeout = stall_timeout
        self._gpu_works = gpu_works
        self._seen: dict[str, _Seen] = {}
        self._last: float | None = None

    def sample(self, now: float) -> Sample:
        """Look once. Raises LabError, or another error, if Jupyter's answer isn't correct and no kernel is active."""
        groups = {group.key: group for group in self._work.find_groups(now, Role.KERNEL)}
        try:
            answer = self._list_kernels(now)
        except LabError as error:
            return self._without_jupyter(groups.values(), now, error)
        seen: dict[str, _Seen] = {}
        busy, stalled, working, idle = [], [], [], 0
        for kernel in answer:
            group = groups.pop(kernel["id"], None)
            how = self._work.describe_activity(group, now) if group else ""
            before = self._seen.get(kernel["id"])
            is_busy = _is_busy(kernel)
            message = (kernel["last_activity"], kernel.get("changes"))
            progress = now
            if before is None or message != before.message:
                self._last = now
            elif is_busy and not how and not self._makes_progress(group, now):
                progress = before.progress
            seen[kernel["id"]] = _Seen(message, progress)
            text = f"{kernel['name']}, {how}" if how else str(kernel["name"])
            if not is_busy:
                working += [text] if how else []
                idle += not how
            elif self._stall_timeout is None or now - progress < self._stall_timeout:
                busy.append(text)
            else:
                stalled.append(now - progress)
        # Kernels of another server that the user has started.
        working += [
            f"{group.label}, {how}" for group in groups.values() if (how := self._work.describe_activity(group, now))
        ]
        self._seen = seen
        if busy or working:
            self._last = now
        untold = sum(kernel.get("at_work") is None for kernel in answer)
        detail = _describe(busy, stalled, working, idle)
        detail += f" ({untold} by Jupyter's word alone, which may be wrong)" if untold else ""
        return Sample(source=self.name, active=bool(busy or working), last=self._last, detail=detail)

    def _list_kernels(self, now: float) -> list[dict[str, Any]]:
        """Return what Jupyter, with our extension or without, says of each kernel. Raises LabError."""
        try:
            told = self._told(now)
        except LabError as error:
            _LOG.debug("the extension says nothing of kernels: %s", error)
            told = None
        return list(self._get(self.jupyters_own_path) if told is None else told)

    def _without_jupyter(self, groups: Iterable[Group], now: float, error: LabError) -> Sample:
        """Look at the processes only: a kernel can be active while the server hangs."""
        working = [f"{group.label}, {how}" for group in groups if (how := self._work.describe_activity(group, now))]
        if not working:
            raise error
        self._last = now
        detail = f"{len(working)} active ({'; '.join(working)}), and JupyterLab does not answer"
        return Sample(source=self.name, active=True, last=now, detail=detail)

    def _makes_progress(self, group: Group | None, now: float) -> bool:
        """Return whether a busy kernel makes any progress. The network comes last, because it costs most."""
        return (
            group is None
            or group.cpu >= PROGRESS_CPU
            or group.disk > 0
            or self._gpu_works()
            or self._work.measure_network(group, now) > 0
        )


def _is_busy(kernel: Mapping[str, Any]) -> bool:
    at_work = kernel.get("at_work")
    return bool(kernel["execution_state"] == "busy" if at_work is None else at_work)


def _describe(busy: Sequence[str], stalled: Sequence[float], working: Sequence[str], idle: int) -> str:
    parts = [
        f"{len(busy)} busy ({'; '.join(busy)})" if busy else "",
        f"{len(working)} idle but active ({'; '.join(working)})" if working else "",
        f"{len(stalled)} busy without progress for {format_duration(min(stalled))}, considered stalled"
        if stalled
        else "",
        f"{idle} idle" if idle else "",
    ]
    return ", ".join(filter(None, parts)) or "none"
