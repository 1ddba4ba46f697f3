"""Measures what one group of processes uses of CPU and disks, and when someone typed in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from jupyter_session.activity import programs
from jupyter_session.activity.procfs import Process, ProcessId


class RateMeter:
    """What one group used, as a sum that only grows, and when someone last typed in it (`typed_at`).

    `counted` are the members at the last look without the monitors, and `busiest` is the one of them that used most
    CPU since the look before.
    """

    def __init__(self, began: float) -> None:
        self._sums = deque([(began, 0.0, 0)])
        self._inputs: Mapping[ProcessId, float] = {}
        self.typed_at: float | None = None
        self.busiest: Process | None = None
        self.counted: Sequence[Process] = ()
        self._monitors: set[ProcessId] = set()

    def update(
        self,
        now: float,
        window: float,
        members: Sequence[Process],
        before: Mapping[ProcessId, Process] | None,
        alive: Mapping[ProcessId, Process],
    ) -> float:
        """Add what the members used since the table `before` (None: the first look); return the seconds of CPU.

        A child that has ended is in its parent's sum, once the parent has waited for it. So the tree's sum includes
        children that came and went between two looks. If nobody waited, or a part of the tree has left it, that sum is
        too small, and what the living used by themselves is the better figure.
        """
        counted, monitors = _separate_monitors(members)
        cpu, disk = 0.0, 0
        if before is not None:
            cpu, disk = self._measure_since(counted, before, alive)
            own = {p.id: p.own - (before[p.id].own if p.id in before else 0.0) for p in counted}
            cpu = max(cpu, sum(own.values()))
            self.busiest = max(counted, key=lambda p: own[p.id], default=None) if any(own.values()) else None
        self.counted = counted
        self._monitors = monitors
        self._sums.append((now, self._sums[-1][1] + cpu, self._sums[-1][2] + max(0, disk)))
        while len(self._sums) > 2 and self._sums[1][0] <= now - window:
            self._sums.popleft()
        return cpu

    def compute_rates(self) -> tuple[float, float]:
        """Return the mean CPU (share of one core) and disk traffic (bytes/s) over the window."""
        (began, cpu, disk), (now, cpu_now, disk_now) = self._sums[0], self._sums[-1]
        seconds = now - began
        return ((cpu_now - cpu) / seconds, (disk_now - disk) / seconds) if seconds > 0 else (0.0, 0.0)

    def note_inputs(self, now: float, inputs: Mapping[ProcessId, float | None]) -> None:
        """Note whether someone typed: whether a terminal was read since. Its time is of the wall clock, which jumps."""
        known = {id_: last for id_, last in inputs.items() if last is not None}
        if any(self._inputs.get(id_, last) != last for id_, last in known.items()):
            self.typed_at = now
        self._inputs = known

    def _measure_since(
        self, counted: Sequence[Process], before: Mapping[ProcessId, Process], alive: Mapping[ProcessId, Process]
    ) -> tuple[float, int]:
        known = {process.id for process in self.counted} | self._monitors
        ended = [before[id_] for id_ in known if id_ not in alive]
        past = [before[process.id] for process in counted if process.id in before] + ended
        return (
            sum(process.total for process in counted) - sum(process.total for process in past),
            sum(process.disk for process in counted) - sum(process.disk for process in past),
        )


def _separate_monitors(members: Sequence[Process]) -> tuple[list[Process], set[ProcessId]]:
    """Return the members without the monitors and all that they started, and the monitors themselves."""
    left_out: set[int] = set()
    counted, monitors = [], set()
    for process in members:
        if process.parent in left_out:
            left_out.add(process.pid)
        elif programs.is_monitor(process.argv):
            left_out.add(process.pid)
            monitors.add(process.id)
        else:
            counted.append(process)
    return counted, monitors
