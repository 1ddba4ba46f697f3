"""Chooses what to stop when memory is short: the tree of processes that uses most, and its name for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_session.activity import programs
from jupyter_session.activity.grouping import Role
from jupyter_session.activity.process_groups import Group
from jupyter_session.activity.procfs import Process
from jupyter_session.units.sizes import format_size

_PLACES = {Role.TERMINAL: " in a terminal of JupyterLab", Role.PANE: " in tmux", Role.SSH: " in an ssh shell"}


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A tree of processes that can be stopped, and the bytes that it uses. `program` is "" for a kernel itself."""

    group: Group
    pids: tuple[int, ...]
    used: int
    program: str


def choose_largest(groups: Sequence[Group], table: Mapping[int, Process], sizes: Mapping[int, int]) -> Tree | None:
    """Return the tree that uses the most memory, or None if no group is left.

    It is a kernel, or what the kernel has started if that uses more; and what a shell has started, not the shell.
    `table` maps process IDs to processes, and `sizes` to bytes.
    """
    trees = [_narrow(group, table, sizes) for group in groups if group.root_pid in table]
    return max(trees, key=lambda tree: tree.used, default=None)


def describe(tree: Tree, sessions: Sequence[Mapping[str, Any]], limit: int | None = None) -> str:
    """Name a tree as a person would: `kernel 'a.ipynb' (python3, 3.1 GB of the slot's 4.0 GB)`.

    `sessions` is Jupyter's list of its sessions, and `limit` the slot's bytes, None to leave them out.
    """
    about = next((s for s in sessions if tree.group.role is Role.KERNEL and s["kernel"]["id"] == tree.group.key), None)
    kernel = f"kernel {about['path']!r}" if about else "a kernel"
    size = format_size(tree.used) + (f" of the slot's {format_size(limit)}" if limit is not None else "")
    if not tree.program:
        return f"{kernel} ({about['kernel']['name']}, {size})" if about else f"{kernel} ({size})"
    place = f" of {kernel}" if tree.group.role is Role.KERNEL else _PLACES.get(tree.group.role, "")
    return f"{tree.program!r}{place} ({size})"


def _narrow(group: Group, table: Mapping[int, Process], sizes: Mapping[int, int]) -> Tree:
    members = frozenset(group.pids)
    top, pids = group.root_pid, _find_below(group.root_pid, table, members) | members
    while True:
        below = [
            (pid, tree)
            for pid in members
            if pid in table and table[pid].parent == top
            for tree in [_find_below(pid, table, members)]
        ]
        child, tree = max(below, key=lambda found: _sum(found[1], sizes), default=(0, frozenset()))
        is_shell = top in table and programs.is_shell(table[top].argv)
        is_kernel = top == group.root_pid and group.role is Role.KERNEL
        if not (tree and is_shell) and not (is_kernel and _sum(tree, sizes) > _sum(pids, sizes) / 2):
            break
        top, pids = child, tree
    program = "" if is_kernel else programs.format_label(table[top].argv) if top in table else group.label
    return Tree(group=group, pids=tuple(sorted(pids)), used=_sum(pids, sizes), program=program)


def _find_below(top: int, table: Mapping[int, Process], members: frozenset[int]) -> frozenset[int]:
    found = {top}
    while more := {p for p in members - found if p in table and table[p].parent in found}:
        found |= more
    return frozenset(found)


def _sum(pids: Collection[int], sizes: Mapping[int, int]) -> int:
    return sum(sizes.get(pid, 0) for pid in pids)
