"""Which of the processes that can be seen are another session's: two of one account may share a container or a host."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from jupyter_session.activity.procfs import Process, ProcessId, read_file

_LOG = logging.getLogger(__name__)
_NAME = b"JUPYTER_SESSION_ID="
_UNKNOWN = "unknown"


class Neighbors:
    """Knows the processes of other sessions by JUPYTER_SESSION_ID in their environment; `session` is our own ID."""

    def __init__(self, session: str, read: Callable[[int], bytes] | None = None) -> None:
        self._session = session
        self._read = read or (lambda pid: read_file(f"/proc/{pid}/environ"))
        self._marks: dict[ProcessId, str] = {}

    def leave_out(self, table: Mapping[int, Process], *, contained: bool) -> dict[int, Process]:
        """Return the table of processes by ID without those of other sessions.

        `contained`: all processes of the table are the job's. Elsewhere, an environment that this user can't read is
        that of a process in another container: it is in another user namespace.
        """
        if not self._session:
            return dict(table)
        before, self._marks = self._marks, {}
        kept = {}
        for pid, process in table.items():
            # A process without a mark may get one, by starting a program with another environment.
            mark = before.get(process.id) or self._find_mark(pid, unreadable="" if contained else _UNKNOWN)
            if mark:
                self._marks[process.id] = mark
            if mark in ("", self._session):
                kept[pid] = process
        return kept

    def _find_mark(self, pid: int, unreadable: str) -> str:
        try:
            variables = self._read(pid).split(b"\0")
        except PermissionError:
            return unreadable
        except OSError as error:
            _LOG.debug("process %d has ended: %s", pid, error)
            return ""
        return next((each[len(_NAME) :].decode(errors="replace") for each in variables if each.startswith(_NAME)), "")
