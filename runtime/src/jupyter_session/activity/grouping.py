"""Sorts the job's processes into the groups that a person would name: this kernel, that terminal.

A group is a tree of processes under one root. The session's own processes (supervisor, JupyterLab, tmux, tunnels)
belong to no group. Inside a container with process IDs of its own, all visible processes are the job's. Elsewhere, only
those are that descend from JupyterLab and tmux, or once did.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from jupyter_session.activity import programs
from jupyter_session.activity.procfs import Process, ProcessId
from jupyter_session.state_dir import StateDir


class Role(Enum):
    """What a group is to a person."""

    KERNEL = "kernel"
    TERMINAL = "terminal"
    PANE = "pane"
    SSH = "ssh"
    OTHER = "other"


@dataclass(frozen=True)
class ProcessTree:
    """The processes of one group, from the oldest on, and the one that they descend from."""

    role: Role
    root: Process
    members: Sequence[Process]


class SessionMarks:
    """What the session's own processes are recognized by."""

    def __init__(self, state: StateDir, supervisor: int) -> None:
        self.supervisor = supervisor
        self._config = f"--config={state.config}"
        self._log = str(state.log)
        self._kernel = re.compile(re.escape(str(state.runtime)) + r"/kernel-([0-9a-f-]{36})\.json")

    def find_server(self, table: Mapping[int, Process]) -> Process | None:
        """Return JupyterLab: the oldest match, because what it has just forked has the same command line."""
        return min((process for process in table.values() if self._config in process.argv), key=_age, default=None)

    def find_kernel_id(self, process: Process) -> str:
        """Return the ID of the kernel that a process is, or ""."""
        for argument in process.argv:
            if found := self._kernel.search(argument):
                return found[1]
        return ""

    def is_tee(self, process: Process) -> bool:
        """Return whether this process writes the server's log."""
        return process.name == "tee" and process.argv[-1] == self._log


def group_processes(
    table: Mapping[int, Process], marks: SessionMarks, known: Collection[ProcessId], *, contained: bool
) -> list[ProcessTree]:
    """Return the groups. `table` maps process IDs to processes; `known` belonged to the session at the last look.

    `contained`: all processes of the table are the job's.
    """
    return _Grouper(table, marks, known, contained=contained).group()


def find_foreground(root: Process, table: Mapping[int, Process]) -> Process | None:
    """Return the program that reads what is typed in the terminal of `root`, or None if there is no terminal."""
    if not root.tty or root.foreground <= 0:
        return None
    if leader := table.get(root.foreground):
        return leader
    found = [process for process in table.values() if process.group == root.foreground and process.tty == root.tty]
    return min(found, key=_age, default=None)


def find_typed_into(members: Sequence[Process], table: Mapping[int, Process]) -> list[Process]:
    """Return the first process of each terminal, except where tmux reads: what is typed there reaches a pane.

    tmux, and our relay in front of it, ask the terminal again and again, and read its answers like what is typed.
    """
    leaders = [process for process in members if process.tty and process.pid == process.session]
    return [
        leader for leader in leaders if not ((front := find_foreground(leader, table)) and programs.is_ours(front.argv))
    ]


class _Outside(Enum):
    """Where a process is that belongs to no group."""

    ABOVE = "above the groups: its children may be the roots of groups"
    INFRASTRUCTURE = "part of the session, as are all its descendants"


class _Grouper:
    """Finds the root of each process's group, at one look."""

    def __init__(
        self, table: Mapping[int, Process], marks: SessionMarks, known: Collection[ProcessId], *, contained: bool
    ) -> None:
        self._table = table
        self._marks = marks
        self._known = known
        self._contained = contained
        self._server = marks.find_server(table)
        self._hosts = {process.pid for process in table.values() if process.name in ("tmux: server", "screen")}
        self._hosts |= {self._server.parent} if self._server else set()
        self._own = self._hosts | ({self._server.pid} if self._server else set())
        self._places: dict[int, int | _Outside] = {}

    def group(self) -> list[ProcessTree]:
        """Return the groups, with the members of each from the oldest on."""
        members: dict[int, list[Process]] = {}
        for process in sorted(self._table.values(), key=_age):
            place = self._find_place(process)
            if isinstance(place, int) and not programs.is_ours(process.argv):
                members.setdefault(place, []).append(process)
        return [
            ProcessTree(self._find_role(self._table[pid]), self._table[pid], found) for pid, found in members.items()
        ]

    def _find_place(self, process: Process) -> int | _Outside:
        """Return the process ID of the root of a process's group, or where else the process is."""
        if process.pid not in self._places:
            parent = self._table.get(process.parent)
            above = self._find_place(parent) if parent else _Outside.ABOVE
            self._places[process.pid] = self._decide_place(process, parent, above)
        return self._places[process.pid]

    def _decide_place(self, process: Process, parent: Process | None, above: int | _Outside) -> int | _Outside:
        """Decide where a process is; `above` is where its parent is."""
        if process.pid == 1 or process.pid in self._own:
            return _Outside.ABOVE
        if process.pid == self._marks.supervisor or above is _Outside.INFRASTRUCTURE or self._marks.is_tee(process):
            return _Outside.INFRASTRUCTURE
        kernel = self._marks.find_kernel_id(process)
        if kernel and not (parent and self._marks.find_kernel_id(parent) == kernel):
            return process.pid
        if isinstance(above, int):
            return above
        at_home = process.parent != 1 and process.parent in self._own
        is_root = self._contained or at_home or process.id in self._known
        return process.pid if is_root else _Outside.ABOVE

    def _find_role(self, root: Process) -> Role:
        server = self._server
        if self._marks.find_kernel_id(root):
            return Role.KERNEL
        if root.parent in self._hosts:
            return Role.PANE
        if server and root.parent == server.pid and root.pid == root.session and root.tty not in (0, server.tty):
            return Role.TERMINAL
        return Role.SSH if root.parent == 0 else Role.OTHER


def _age(process: Process) -> tuple[int, int]:
    return process.started, process.pid
