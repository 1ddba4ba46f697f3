"""The memory guard: HTCondor's limit ends the whole job at once, so the largest program is stopped before that."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jupyter_session.activity import procfs, programs
from jupyter_session.activity.grouping import Role
from jupyter_session.activity.process_groups import Group
from jupyter_session.memory.meter import Meter, read_memory
from jupyter_session.units.sizes import format_size

#: Shares of the slot's memory: to warn from, and to fall below before there is another warning.
WARN, CALM = 0.90, 0.85
_WORTH = 0.10  # share of the slot's memory that a program must hold: stopping less saves nothing
_FILLED_PER_SECOND = 1 << 30  # bytes; a program that writes to new pages is not much faster
_SHORTEST, _LONGEST = 0.25, 5.0  # seconds between two looks
_NEAR = 0.75  # share of the slot's memory from which to look as often as that
_PATIENCE = 2.0  # seconds between SIGTERM and SIGKILL

_PLACES = {Role.TERMINAL: " in a terminal of JupyterLab", Role.PANE: " in tmux", Role.SSH: " in an ssh shell"}


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A tree of processes that can be stopped, and the bytes that it holds. `program` is "" for a kernel itself."""

    group: Group
    pids: tuple[int, ...]
    held: int
    program: str


def pause(used: int, limit: int) -> float:
    """Return the seconds until the next look: sooner than memory could be full."""
    if used >= _NEAR * limit:
        return _SHORTEST
    return min(max((WARN * limit - used) / _FILLED_PER_SECOND, _SHORTEST), _LONGEST)


def choose(
    groups: Sequence[Group],
    table: Mapping[int, procfs.Process],
    sizes: Mapping[int, int],
) -> Tree | None:
    """Return the tree that holds the most: a kernel, or what it has started if that holds more; below a shell, not it.

    `sizes` maps processes to bytes.
    """
    trees = [_narrow(group, table, sizes) for group in groups if group.root_pid in table]
    return max(trees, key=lambda tree: tree.held, default=None)


def _narrow(group: Group, table: Mapping[int, procfs.Process], sizes: Mapping[int, int]) -> Tree:
    members = frozenset(group.pids)
    top, pids = group.root_pid, _below(group.root_pid, table, members) | members
    while True:
        below = [
            (pid, tree)
            for pid in members
            if pid in table and table[pid].parent == top
            for tree in [_below(pid, table, members)]
        ]
        child, tree = max(below, key=lambda found: _sum(found[1], sizes), default=(0, frozenset()))
        is_shell = top in table and programs.is_shell(table[top].argv)
        is_kernel = top == group.root_pid and group.role is Role.KERNEL
        if not (tree and is_shell) and not (is_kernel and _sum(tree, sizes) > _sum(pids, sizes) / 2):
            break
        top, pids = child, tree
    program = "" if is_kernel else programs.label(table[top].argv) if top in table else group.label
    return Tree(group=group, pids=tuple(sorted(pids)), held=_sum(pids, sizes), program=program)


def _below(top: int, table: Mapping[int, procfs.Process], members: frozenset[int]) -> frozenset[int]:
    found = {top}
    while more := {p for p in members - found if p in table and table[p].parent in found}:
        found |= more
    return frozenset(found)


def _sum(pids: Collection[int], sizes: Mapping[int, int]) -> int:
    return sum(sizes.get(pid, 0) for pid in pids)


def describe(tree: Tree, sessions: Sequence[Mapping[str, Any]]) -> str:
    """Name a tree as a person would: `kernel 'a.ipynb' (python3, 3.1 GB`; `sessions` is Jupyter's answer."""
    about = next((s for s in sessions if tree.group.role is Role.KERNEL and s["kernel"]["id"] == tree.group.key), None)
    kernel = f"kernel {about['path']!r}" if about else "a kernel"
    size = format_size(tree.held)
    if not tree.program:
        return f"{kernel} ({about['kernel']['name']}, {size}" if about else f"{kernel} ({size}"
    place = f" of {kernel}" if tree.group.role is Role.KERNEL else _PLACES.get(tree.group.role, "")
    return f"{tree.program!r}{place} ({size}"


class MemoryGuard:
    """Looks at the job's memory when it is `due`, on the monotonic clock; warns, and stops one tree at a time.

    `share`: the part of the limit at which to stop the largest, None for never. `look` returns the groups of processes
    as they are now, `sessions` Jupyter's own list of them, or raises; `warn` tells the user a sentence.
    """

    def __init__(
        self,
        meter: Meter | None,
        share: float | None,
        *,
        look: Callable[[], Sequence[Group]],
        sessions: Callable[[], Any],
        warn: Callable[[str], None],
    ) -> None:
        self.due = time.monotonic() if meter else float("inf")
        self.meter = meter
        self._share = share
        self._look = look
        self._sessions = sessions
        self._warn = warn
        self._warned = False
        self._stopping: _Stopping | None = None

    def turn(self) -> None:
        """Look if it is time to, and do what is to be done."""
        if self.meter is None or time.monotonic() < self.due:
            return
        wait = _LONGEST
        try:
            wait = self._act(self.meter.look(exact_from=round(WARN * self.meter.limit)), self.meter.limit)
        except OSError:
            pass  # the cgroup has gone, or is hidden now
        except Exception as error:  # noqa: BLE001 - a guard that fails ends no session
            wait = float("inf")
            self._warn(f"The memory guard failed ({error!r}) and is off.")
        self.due = time.monotonic() + wait

    def _act(self, used: int, limit: int) -> float:
        """Do what `used` calls for; return the seconds until the next look."""
        if self._stopping:
            if not self._stopping.go_on(used):
                self._stopping = None
            return _SHORTEST
        if used < CALM * limit:
            self._warned = False
        if self._share is not None and used >= self._share * limit:
            tree = self._largest()
            if tree is None or tree.held < _WORTH * limit:
                return _LONGEST
            self._stopping = _Stopping(tree.pids, used)
            self._warned = True
            self._warn(
                f"Memory: {self._name(tree)} of the slot's {format_size(limit)}) was stopped at "
                f"{100 * used / limit:.0f} %, since HTCondor would have ended the whole job; ask for more with "
                "request_memory."
            )
            return _SHORTEST
        if used >= WARN * limit and not self._warned:
            self._warned = True
            tree = self._largest()
            most = f", most of it by {self._name(tree)})" if tree and tree.held > used / 2 else ""
            then = (
                "HTCondor ends the whole job when all of it is"
                if self._share is None
                else f"at {100 * self._share:.0f} % the largest program will be stopped"
            )
            self._warn(f"Memory: {format_size(used)} of the slot's {format_size(limit)} are in use{most}; {then}.")
        return pause(used, limit)

    def _largest(self) -> Tree | None:
        groups = self._look()
        table = {process.pid: process for process in procfs.read_all()}
        return choose(groups, table, {pid: read_memory(pid) for group in groups for pid in group.pids})

    def _name(self, tree: Tree) -> str:
        try:
            return describe(tree, self._sessions())
        except Exception:  # noqa: BLE001 - the name is not worth more
            return describe(tree, ())


class _Stopping:
    """Processes that were told to end: SIGTERM, then SIGKILL when they take too long or still take more memory."""

    def __init__(self, pids: Sequence[int], used: int) -> None:
        self._left = []
        for pid in pids:
            with suppress(OSError):
                self._left.append(os.pidfd_open(pid))
        self._used = used
        self._killed = False
        self._since = time.monotonic()
        self._send(signal.SIGTERM)

    def go_on(self, used: int) -> bool:
        """Insist if need be; False once all have ended."""
        for ended in select.select(self._left, [], [], 0)[0]:
            self._left.remove(ended)
            os.close(ended)
        if used > self._used or time.monotonic() - self._since > _PATIENCE:
            self._send(signal.SIGKILL)
        self._used = used
        return bool(self._left)

    def _send(self, number: signal.Signals) -> None:
        for process in self._left:
            with suppress(OSError):
                signal.pidfd_send_signal(process, number)
