"""The receipt of a session: why it ended, what it used, and what changed. It comes back with the notebooks."""

from __future__ import annotations

import itertools
import json
import logging
import os
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_session.activity.grouping import Role
from jupyter_session.activity.process_groups import Group
from jupyter_session.files import write_atomically
from jupyter_session.transfer import own_folder
from jupyter_session.units.durations import format_duration
from jupyter_session.units.printable import escape_name
from jupyter_session.units.sizes import format_size

_LOG = logging.getLogger(__name__)
#: In the notebook folder.
PATH = Path(".jupyter-session/last-session.json")
_MOST_NAMES = 50
_NAMES_IN_SENTENCE = 3
_PLACES = {Role.TERMINAL: "a terminal", Role.PANE: "tmux", Role.SSH: "an ssh shell"}


@dataclass(frozen=True, kw_only=True)
class ChangedFiles:
    """The files that changed: the newest names, and how many there are; unless `complete`, there may be more."""

    names: tuple[str, ...] = ()
    count: int = 0
    complete: bool = True


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What is known about a session at its end, in epoch seconds, seconds, and bytes; None for what isn't known.

    `idle_seconds` counts all starts of the job, as in the job ad. `saved` is the report of save-back, as a dict;
    `set_aside` is what HTCondor can't carry, with the reasons.
    """

    state: str
    end: str
    reason: str
    job: str | None
    started: float
    seconds: float
    idle_seconds: float = 0.0
    running: tuple[str, ...] = ()
    memory_peak: int | None = None
    memory_limit: int | None = None
    cpu_seconds: float | None = None
    gpus: int = 0
    gpu_busy_seconds: float | None = None
    changed: ChangedFiles = field(default_factory=ChangedFiles)
    saved: Mapping[str, Any] | None = None
    warnings: Sequence[str] = ()
    set_aside: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the receipt as a dict for JSON: nothing secret."""
        return {
            "state": self.state,
            "end": self.end,
            "reason": self.reason,
            "job": self.job,
            "started": round(self.started),
            "ended": round(self.started + self.seconds),
            "seconds": round(self.seconds),
            "idle_seconds": round(self.idle_seconds),
            "running": list(self.running),
            "memory_peak_bytes": self.memory_peak,
            "memory_limit_bytes": self.memory_limit,
            "cpu_hours": None if self.cpu_seconds is None else _hours(self.cpu_seconds),
            "gpus": self.gpus,
            "gpu_hours": _hours(self.gpus * self.seconds),
            "gpu_busy_hours": None if self.gpu_busy_seconds is None else _hours(self.gpu_busy_seconds),
            "changed": {
                "count": self.changed.count,
                "complete": self.changed.complete,
                "names": list(self.changed.names),
            },
            "saved": self.saved,
            "warnings": list(self.warnings),
            "set_aside": {
                "count": len(self.set_aside),
                "names": dict(itertools.islice(self.set_aside.items(), _MOST_NAMES)),
            },
        }

    def render_sentence(self) -> str:
        """Return the receipt as one line for people."""
        parts = [f"The session ran {format_duration(self.seconds)}"]
        if self.memory_peak is not None and self.memory_limit is not None:
            parts.append(f"memory up to {format_size(self.memory_peak)} of {format_size(self.memory_limit)}")
        if self.cpu_seconds is not None:
            parts.append(f"{self.cpu_seconds / 3600:.2f} CPU hours")
        if self.gpus:
            busy = "" if self.gpu_busy_seconds is None else f", {self.gpu_busy_seconds / 3600:.2f} of them busy"
            parts.append(f"{self.gpus * self.seconds / 3600:.2f} GPU hours{busy}")
        text = ", ".join(parts)
        text += f"; running at its end: {_render_names(self.running, len(self.running))}" if self.running else ""
        text += f"; files changed: {_render_names(self.changed.names, self.changed.count)}"
        beside = [f"{name} as {own}" for name, own in (self.saved or {}).get("conflicts", {}).items()]
        text += (
            f"; changed on the access point too, so both versions are kept: {_render_names(beside, len(beside))}"
            if beside
            else ""
        )
        aside = [f"{name} ({why})" for name, why in itertools.islice(self.set_aside.items(), _NAMES_IN_SENTENCE)]
        text += f"; set aside: {_render_names(aside, len(self.set_aside))}" if aside else ""
        return f"{text}."

    def write(self, notebooks: Path) -> None:
        """Write it into the notebook folder, whole or not at all. Raises OSError if it can't be written."""
        path = notebooks / PATH
        own_folder.ensure(notebooks)
        own_folder.clear_name(path)
        write_atomically(path, json.dumps(self.as_dict(), indent=2) + "\n")


def describe_running(sessions: Iterable[Mapping[str, Any]], groups: Sequence[Group]) -> tuple[str, ...]:
    """Return what runs, as a person would name it: busy kernels, and programs in the foreground of a shell.

    `sessions` is Jupyter's list of sessions, which names the kernels of the groups.
    """
    busy = [session for session in sessions if session["kernel"]["execution_state"] == "busy"]
    found = [f"kernel {session['path']!r}" for session in busy]
    known = {session["kernel"]["id"] for session in busy}
    found += [
        f"{group.label!r} of a kernel"
        for group in groups
        if group.role is Role.KERNEL and group.works and group.key not in known
    ]
    found += [
        f"{group.foreground!r} in {_PLACES[group.role]}"
        for group in groups
        if group.role in _PLACES and group.foreground
    ]
    return tuple(found[:_MOST_NAMES])


def find_changed_files(folder: Path, since: float, patience: float) -> ChangedFiles:
    """Return the files below a folder that changed after `since`, epoch seconds; search for `patience` seconds at most.

    The time that counts is the ctime, which no program can set. Links aren't followed, and hidden folders, which are
    for programs (.ipynb_checkpoints, .git), are left out.
    """
    deadline = time.monotonic() + patience
    found: list[tuple[float, str]] = []
    complete = True
    for within, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = os.path.join(within, name)  # noqa: PTH118 - for each of many
            try:
                about = os.lstat(path)
            except OSError as error:
                _LOG.debug("%r is not looked at: %s", name, error)
                continue
            if stat.S_ISREG(about.st_mode) and about.st_ctime >= since:
                found.append((about.st_ctime, os.path.relpath(path, folder)))
        if time.monotonic() > deadline:
            complete = False
            break
    newest = sorted(found, reverse=True)[:_MOST_NAMES]
    return ChangedFiles(names=tuple(escape_name(name) for _, name in newest), count=len(found), complete=complete)


def _render_names(names: Sequence[str], count: int) -> str:
    first = ", ".join(names[:_NAMES_IN_SENTENCE])
    more = count - min(len(names), _NAMES_IN_SENTENCE)
    return f"{first} and {more} more" if more > 0 else first or "none"


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 4)
