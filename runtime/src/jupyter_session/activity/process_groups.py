"""The groups of the job's processes, and what each of them uses, at each look."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_session.activity import procfs, programs
from jupyter_session.activity.grouping import (
    ProcessTree,
    Role,
    SessionMarks,
    find_foreground,
    find_typed_into,
    group_processes,
)
from jupyter_session.activity.neighbors import Neighbors
from jupyter_session.activity.procfs import Process, ProcessId
from jupyter_session.activity.rate_meter import RateMeter
from jupyter_session.state_dir import StateDir

#: Share of a core from which a group is active. An idle ipykernel uses less than 0.005, a shell at its prompt nothing.
WORKING_CPU = 0.05
#: Bytes/s, read from or written to disks, from which a group is active. A log or an autosave is far below.
WORKING_DISK = 64 * 1024
_LONGEST_WINDOW = 60.0
#: What Apptainer and Singularity put into each image.
_IMAGE = Path("/.singularity.d")


@dataclass(frozen=True, kw_only=True)
class Group:
    """A tree of processes. `key` is a kernel's ID, or otherwise identifies the root forever.

    `cpu` (share of one core) and `disk` (bytes/s) are means over the window, of the `workers` only: all processes but
    the monitors (`programs.MONITORS`). `label` names the program that uses the most CPU. `foreground` names what runs
    in the terminal in front of the shell, "" for nothing. `typed_at`: when someone last typed, in seconds of the
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
        """Whether it is active by what it uses of CPU and disks."""
        return self.cpu >= WORKING_CPU or self.disk >= WORKING_DISK


def compute_window(idle_timeout: float | None) -> float:
    """Return the seconds over which CPU and disk traffic are averaged: well below the idle timeout."""
    return _LONGEST_WINDOW if idle_timeout is None else min(_LONGEST_WINDOW, idle_timeout / 3)


def find_container() -> str:
    """Return the mount namespace of the container that this process is in, or "" outside of containers."""
    return procfs.find_mounts(os.getpid()) if _IMAGE.is_dir() else ""


class Processes:
    """Looks at all processes at each `refresh`; `groups` is what it saw.

    `cpu_seconds` is the CPU time of all groups since the first look. `window`: seconds over which rates are taken.
    """

    def __init__(
        self,
        state: StateDir,
        window: float,
        *,
        read: Callable[[], Iterable[Process]] = procfs.read_processes,
        last_input: Callable[[Process], float | None] = procfs.find_last_input,
        supervisor: int | None = None,
        container: str | None = None,
        find_mounts: Callable[[int], str] = procfs.find_mounts,
    ) -> None:
        self.groups: Sequence[Group] = ()
        self.cpu_seconds = 0.0
        self._window = window
        self._read = read
        self._last_input = last_input
        self._container = find_container() if container is None else container
        self._find_mounts = find_mounts
        self._marks = SessionMarks(state, os.getpid() if supervisor is None else supervisor)
        self._neighbors = Neighbors(state.id)
        self._known: set[ProcessId] = set()
        self._before: Mapping[ProcessId, Process] | None = None
        self._looked: float | None = None
        self._meters: dict[ProcessId, RateMeter] = {}

    def refresh(self, now: float) -> None:
        """Look once for each `now` of the session's clock."""
        if now == self._looked:
            return
        table = {process.pid: process for process in self._read()}
        # The names of the first process in a container of Apptainer and of Singularity.
        contained = 1 in table and table[1].name in ("appinit", "sinit")
        if not contained:
            table = {pid: process for pid, process in table.items() if process.uid == os.getuid()}
            if self._container:  # without process IDs of its own: its processes are those with its mounts
                table = {pid: process for pid, process in table.items() if self._find_mounts(pid) == self._container}
                contained = True
        table = self._neighbors.leave_out(table, contained=contained)
        alive = {process.id: process for process in table.values()}
        groups, meters = [], {}
        trees = group_processes(table, self._marks, self._known, contained=contained)
        for tree in trees:
            meter = self._meters.get(tree.root.id) or RateMeter(now if self._looked is None else self._looked)
            meters[tree.root.id] = meter
            self.cpu_seconds += meter.update(now, self._window, tree.members, self._before, alive)
            meter.note_inputs(
                now, {leader.id: self._last_input(leader) for leader in find_typed_into(tree.members, table)}
            )
            groups.append(self._describe(tree, meter, table))
        self._known = {process.id for tree in trees for process in tree.members}
        self.groups, self._meters, self._before, self._looked = groups, meters, alive, now

    def _describe(self, tree: ProcessTree, meter: RateMeter, table: Mapping[int, Process]) -> Group:
        root = tree.root
        front = find_foreground(root, table)
        is_tmux = front is not None and programs.is_ours(front.argv)
        shown = front if front is not root and not is_tmux else None
        cpu, disk = meter.compute_rates()
        return Group(
            role=tree.role,
            key=self._marks.find_kernel_id(root) or "{}-{}".format(*root.id),
            root_pid=root.pid,
            pids=tuple(process.pid for process in tree.members),
            workers=tuple(process.pid for process in meter.counted),
            label=programs.format_label((meter.busiest or shown or root).argv),
            foreground=programs.format_label(shown.argv) if shown else "",
            cpu=cpu,
            disk=disk,
            typed_at=meter.typed_at,
        )
