"""The job's processes, once a turn, sorted into the groups that a person would name: this kernel, that terminal.

A group is a tree of processes under one root. The parts of the session itself (supervisor, JupyterLab, tmux, tunnels)
belong to none. Inside a container with process numbers of its own, all that can be seen is the job's; elsewhere only
what descends from JupyterLab and tmux is, or once did.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from jupyter_session.activity import procfs, programs
from jupyter_session.activity.procfs import Process
from jupyter_session.state_dir import StateDir

#: Share of a core from which a group works. An idle ipykernel uses below 0.005, a shell at its prompt nothing.
WORKING_CPU = 0.05
#: Bytes a second, read from or written to disks, from which a group works. A log or an autosave stays far below.
WORKING_DISK = 64 * 1024
_LONGEST_WINDOW = 60.0

Id = tuple[int, int]


class Role(Enum):
    """What a group is to a person."""

    KERNEL = "kernel"
    TERMINAL = "terminal"
    PANE = "pane"
    SSH = "ssh"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Group:
    """A tree of processes. `key` is a kernel's id, or else names the root for ever.

    `cpu` (share of one core) and `disk` (bytes/s) are means over the window, of the `workers` alone: all but the
    monitors (`programs.MONITORS`). `label` names the program that uses most of it. `foreground` names what runs on
    the terminal in front of the shell, "" where there is none. `typed_at`: when someone last typed, seconds of the
    session's clock.
    """

    role: Role
    key: str
    root_pid: int
    pids: tuple[int, ...]
    workers: tuple[int, ...]
    label: str
    foreground: str
    cpu: float
    disk: float
    typed_at: float | None

    @property
    def works(self) -> bool:
        """Say whether it works by what it uses of CPU and disks."""
        return self.cpu >= WORKING_CPU or self.disk >= WORKING_DISK


def averaging_window(idle_timeout: float | None) -> float:
    """Return the seconds over which CPU and disk traffic are averaged: well below the idle timeout."""
    return _LONGEST_WINDOW if idle_timeout is None else min(_LONGEST_WINDOW, idle_timeout / 3)


class Processes:
    """Looks at all processes at a `refresh`; `groups` is what it saw.

    `cpu_seconds` is the CPU time of all groups since the first look. `window`: seconds over which rates are taken.
    """

    def __init__(
        self,
        state: StateDir,
        window: float,
        *,
        read: Callable[[], Iterable[Process]] = procfs.read_all,
        last_input: Callable[[Process], float | None] = procfs.last_input,
        supervisor: int | None = None,
    ) -> None:
        self.groups: Sequence[Group] = ()
        self.cpu_seconds = 0.0
        self._window = window
        self._read = read
        self._last_input = last_input
        self._marks = _Marks(state, os.getpid() if supervisor is None else supervisor)
        self._known: set[Id] = set()
        self._before: Mapping[Id, Process] | None = None
        self._looked: float | None = None
        self._meters: dict[Id, _Meter] = {}

    def refresh(self, now: float) -> None:
        """Look once for each `now` of the session's clock."""
        if now == self._looked:
            return
        table = {process.pid: process for process in self._read()}
        # The names of the first process in a container of Apptainer's and of Singularity's.
        contained = 1 in table and table[1].name in ("appinit", "sinit")
        if not contained:
            table = {pid: process for pid, process in table.items() if process.uid == os.getuid()}
        alive = {process.id: process for process in table.values()}
        groups, meters = [], {}
        trees = _group_processes(table, self._marks, self._known, contained=contained)
        for role, root, members in trees:
            meter = self._meters.get(root.id) or _Meter(now if self._looked is None else self._looked)
            meters[root.id] = meter
            self.cpu_seconds += meter.update(now, self._window, members, self._before, alive)
            front = _front(root, table)
            is_tmux = front is not None and programs.is_ours(front.argv)
            shown = front if front is not root and not is_tmux else None
            meter.hear(now, {leader.id: self._last_input(leader) for leader in _typed_into(members, table)})
            cpu, disk = meter.rates()
            groups.append(
                Group(
                    role=role,
                    key=self._marks.kernel(root) or "{}-{}".format(*root.id),
                    root_pid=root.pid,
                    pids=tuple(process.pid for process in members),
                    workers=tuple(process.pid for process in meter.counted),
                    label=programs.label((meter.busiest or shown or root).argv),
                    foreground=programs.label(shown.argv) if shown else "",
                    cpu=cpu,
                    disk=disk,
                    typed_at=meter.typed_at,
                )
            )
        self._known = {process.id for _, _, members in trees for process in members}
        self.groups, self._meters, self._before, self._looked = groups, meters, alive, now


class _Marks:
    """By what the session's own processes are known."""

    def __init__(self, state: StateDir, supervisor: int) -> None:
        self.supervisor = supervisor
        self._config = f"--config={state.config}"
        self._log = str(state.log)
        self._kernel = re.compile(re.escape(str(state.runtime)) + r"/kernel-([0-9a-f-]{36})\.json")

    def server(self, table: Mapping[int, Process]) -> Process | None:
        """Return JupyterLab: the oldest, since what it has forked is called the same until it becomes its own."""
        return min((process for process in table.values() if self._config in process.argv), key=_age, default=None)

    def kernel(self, process: Process) -> str:
        """Return the id of the kernel that a process is, or ""."""
        for word in process.argv:
            if found := self._kernel.search(word):
                return found[1]
        return ""

    def is_tee(self, process: Process) -> bool:
        """Say whether this writes the server's log."""
        return process.name == "tee" and process.argv[-1] == self._log


def _group_processes(
    table: Mapping[int, Process], marks: _Marks, known: set[Id], *, contained: bool
) -> list[tuple[Role, Process, list[Process]]]:
    """Return the groups: role, root, members from the oldest on. `known` were ours when last looked at."""
    server = marks.server(table)
    hosts = {process.pid for process in table.values() if process.name in ("tmux: server", "screen")}
    hosts |= {server.parent} if server else set()
    own = {1, *hosts, *([server.pid] if server else [])}
    roots: dict[int, int] = {}  # of each process: its root, _NONE above the roots, _INFRASTRUCTURE

    def root(process: Process) -> int:
        if process.pid not in roots:
            parent = table.get(process.parent)
            roots[process.pid] = find(process, parent, root(parent) if parent else _NONE)
        return roots[process.pid]

    def find(process: Process, parent: Process | None, above: int) -> int:
        if process.pid in own:
            return _NONE
        if process.pid == marks.supervisor or above == _INFRASTRUCTURE or marks.is_tee(process):
            return _INFRASTRUCTURE
        if (kernel := marks.kernel(process)) and not (parent and marks.kernel(parent) == kernel):
            return process.pid
        if above != _NONE:
            return above
        at_home = process.parent in own - {1}
        return process.pid if contained or at_home or process.id in known else _NONE

    members: dict[int, list[Process]] = {}
    for process in sorted(table.values(), key=_age):  # parents first: nothing is deep
        if (found := root(process)) > 0 and not programs.is_ours(process.argv):
            members.setdefault(found, []).append(process)
    return [(_role(table[pid], marks, server, hosts), table[pid], found) for pid, found in members.items()]


_NONE, _INFRASTRUCTURE = 0, -1


def _age(process: Process) -> tuple[int, int]:
    return process.started, process.pid


def _role(root: Process, marks: _Marks, server: Process | None, hosts: set[int]) -> Role:
    if marks.kernel(root):
        return Role.KERNEL
    if root.parent in hosts:
        return Role.PANE
    if server and root.parent == server.pid and root.pid == root.session and root.tty not in (0, server.tty):
        return Role.TERMINAL
    return Role.SSH if root.parent == 0 else Role.OTHER


def _front(root: Process, table: Mapping[int, Process]) -> Process | None:
    """Return the program that reads what is typed on the terminal of `root`; None if there is no terminal."""
    if not root.tty or root.foreground <= 0:
        return None
    if leader := table.get(root.foreground):
        return leader
    found = [process for process in table.values() if process.group == root.foreground and process.tty == root.tty]
    return min(found, key=_age, default=None)


def _typed_into(members: Sequence[Process], table: Mapping[int, Process]) -> list[Process]:
    """Return the first process on each terminal, but for those where tmux reads: what is typed there reaches a pane.

    tmux and our relay before it ask the terminal again and again, and what it answers is read like what is typed.
    """
    leaders = [process for process in members if process.tty and process.pid == process.session]
    return [leader for leader in leaders if not ((front := _front(leader, table)) and programs.is_ours(front.argv))]


class _Meter:
    """What one group used, as a sum that only grows, and when it was last typed into."""

    def __init__(self, began: float) -> None:
        self._sums = deque([(began, 0.0, 0)])
        self._inputs: Mapping[Id, float] = {}
        self.typed_at: float | None = None
        self.busiest: Process | None = None
        self.counted: Sequence[Process] = ()
        self._watching: set[Id] = set()

    def update(
        self,
        now: float,
        window: float,
        members: Sequence[Process],
        before: Mapping[Id, Process] | None,
        alive: Mapping[Id, Process],
    ) -> float:
        """Add what the members used since the table `before` (None: the first look); return the seconds of CPU.

        A child that has ended is in its parent's sum, once that has waited for it: then the tree's sum shows what
        children used that came and went between two looks. Where nobody waited, or where a part of the tree has left
        it, that sum is too small, and what the living used by themselves is the better figure.
        """
        counted, watching = _without_monitors(members)
        cpu, disk = 0.0, 0
        if before is not None:
            cpu, disk = self._since(counted, before, alive)
            own = {p.id: p.own - (before[p.id].own if p.id in before else 0.0) for p in counted}
            cpu = max(cpu, sum(own.values()))
            self.busiest = max(counted, key=lambda p: own[p.id], default=None) if any(own.values()) else None
        self.counted = counted
        self._watching = watching
        self._sums.append((now, self._sums[-1][1] + cpu, self._sums[-1][2] + max(0, disk)))
        while len(self._sums) > 2 and self._sums[1][0] <= now - window:
            self._sums.popleft()
        return cpu

    def _since(
        self, counted: Sequence[Process], before: Mapping[Id, Process], alive: Mapping[Id, Process]
    ) -> tuple[float, int]:
        known = {process.id for process in self.counted} | self._watching
        ended = [before[id_] for id_ in known if id_ not in alive]
        past = [before[process.id] for process in counted if process.id in before] + ended
        return (
            sum(process.total for process in counted) - sum(process.total for process in past),
            sum(process.disk for process in counted) - sum(process.disk for process in past),
        )

    def rates(self) -> tuple[float, float]:
        """Return the mean CPU (share of one core) and disk traffic (bytes/s) over the window."""
        (began, cpu, disk), (now, cpu_now, disk_now) = self._sums[0], self._sums[-1]
        seconds = now - began
        return ((cpu_now - cpu) / seconds, (disk_now - disk) / seconds) if seconds > 0 else (0.0, 0.0)

    def hear(self, now: float, inputs: Mapping[Id, float | None]) -> None:
        """Note that somebody typed if a terminal was read since: its time is the wall clock's, which can jump."""
        known = {id_: last for id_, last in inputs.items() if last is not None}
        if any(self._inputs.get(id_, last) != last for id_, last in known.items()):
            self.typed_at = now
        self._inputs = known


def _without_monitors(members: Sequence[Process]) -> tuple[list[Process], set[Id]]:
    """Return the members without the monitors and all that they started, and the monitors themselves."""
    left_out: set[int] = set()
    counted, tops = [], set()
    for process in members:
        if process.parent in left_out:
            left_out.add(process.pid)
        elif programs.is_monitor(process.argv):
            left_out.add(process.pid)
            tops.add(process.id)
        else:
            counted.append(process)
    return counted, tops
