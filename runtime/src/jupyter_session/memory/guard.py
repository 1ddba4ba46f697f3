"""The memory guard: HTCondor's limit ends the whole job at once, so the largest program is stopped before that."""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_session.activity import procfs
from jupyter_session.activity.process_groups import Group
from jupyter_session.memory.largest import Tree, choose_largest, describe
from jupyter_session.memory.meter import Meter, read_memory
from jupyter_session.units.sizes import format_size

#: Shares of the slot's memory: to warn from, and to fall below before there is another warning.
WARN, CALM = 0.90, 0.85
_WORTH = 0.10  # share of the slot's memory that a program must use: stopping a smaller one doesn't help
_FILLED_PER_SECOND = 1 << 30  # bytes; a program that writes to new pages is not much faster
_SHORTEST, _LONGEST = 0.25, 5.0  # seconds between two looks
_NEAR = 0.75  # share of the slot's memory from which to look as often as possible
_PATIENCE = 2.0  # seconds between SIGTERM and SIGKILL
_LOG = logging.getLogger(__name__)


def compute_pause(used: int, limit: int) -> float:
    """Return the seconds until the next look: sooner than the memory could be full."""
    if used >= _NEAR * limit:
        return _SHORTEST
    return min(max((WARN * limit - used) / _FILLED_PER_SECOND, _SHORTEST), _LONGEST)


class MemoryGuard:
    """Looks at the job's memory when it is `due` (monotonic clock); warns, and stops one tree of processes at a time.

    `share`: the part of the limit at which to stop the largest tree, None for never. `look` returns the groups of
    processes as they are now, `sessions` Jupyter's own list of its sessions, or raises; `warn` shows the user a
    sentence.
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
        self.used = 0  # bytes, at the last look
        self._share = share
        self._look = look
        self._sessions = sessions
        self._warn = warn
        self._warned = False
        self._is_measured = True
        self._stopping: _Stopping | None = None

    def turn(self) -> None:
        """Look if it is time to, and do what is necessary."""
        if self.meter is None or time.monotonic() < self.due:
            return
        wait = _LONGEST
        try:
            self.used = self.meter.look(exact_from=round(WARN * self.meter.limit))
            wait = self._act(self.used, self.meter.limit)
            self._is_measured = True
        except OSError as error:  # the cgroup is gone, or is hidden now
            if self._is_measured:
                _LOG.debug("the memory can't be measured: %s", error)
            self._is_measured = False
        except Exception as error:  # noqa: BLE001 - a guard that fails ends no session
            _LOG.debug("the memory guard failed", exc_info=True)
            wait = float("inf")
            self._warn(f"The memory guard failed ({error!r}) and is off.")
        self.due = time.monotonic() + wait

    def _act(self, used: int, limit: int) -> float:
        """Do what `used` requires; return the seconds until the next look."""
        if self._stopping:
            if not self._stopping.go_on(used):
                self._stopping = None
            return _SHORTEST
        if used < CALM * limit:
            self._warned = False
        if self._share is not None and used >= self._share * limit:
            return self._stop_largest(used, limit)
        if used >= WARN * limit and not self._warned:
            self._warn_of_use(used, limit)
        return compute_pause(used, limit)

    def _stop_largest(self, used: int, limit: int) -> float:
        tree = self._find_largest()
        if tree is None or tree.used < _WORTH * limit:
            return _LONGEST
        self._stopping = _Stopping(tree.pids, used)
        self._warned = True
        self._warn(
            f"Memory: {self._describe(tree, limit)} was stopped at {100 * used / limit:.0f} %, because HTCondor would "
            "have ended the whole job. Ask for more with request_memory."
        )
        return _SHORTEST

    def _warn_of_use(self, used: int, limit: int) -> None:
        self._warned = True
        tree = self._find_largest()
        most = f", most of it by {self._describe(tree)}" if tree and tree.used > used / 2 else ""
        then = (
            "HTCondor ends the whole job when all of it is"
            if self._share is None
            else f"at {100 * self._share:.0f} % the largest program will be stopped"
        )
        self._warn(f"Memory: {format_size(used)} of the slot's {format_size(limit)} are in use{most}; {then}.")

    def _find_largest(self) -> Tree | None:
        groups = self._look()
        table = {process.pid: process for process in procfs.read_processes()}
        return choose_largest(groups, table, {pid: read_memory(pid) for group in groups for pid in group.pids})

    def _describe(self, tree: Tree, limit: int | None = None) -> str:
        try:
            return describe(tree, self._sessions(), limit)
        except Exception:  # noqa: BLE001 - the name is not worth more
            _LOG.debug("the program that uses most memory can't be named", exc_info=True)
            return describe(tree, (), limit)


class _Stopping:
    """Processes that were asked to end: SIGTERM, then SIGKILL if they take too long or use still more memory."""

    def __init__(self, pids: Sequence[int], used: int) -> None:
        self._left: list[int] = []
        for pid in pids:
            try:
                self._left.append(os.pidfd_open(pid))
            except OSError as error:  # noqa: PERF203 - it has just ended
                _LOG.debug("process %d is not stopped: %s", pid, error)
        self._used = used
        self._since = time.monotonic()
        self._send(signal.SIGTERM)

    def go_on(self, used: int) -> bool:
        """Insist if necessary; return whether some processes are left."""
        for ended in select.select(self._left, [], [], 0)[0]:
            self._left.remove(ended)
            os.close(ended)
        if used > self._used or time.monotonic() - self._since > _PATIENCE:
            self._send(signal.SIGKILL)
        self._used = used
        return bool(self._left)

    def _send(self, number: signal.Signals) -> None:
        for process in self._left:
            try:
                signal.pidfd_send_signal(process, number)
            except OSError as error:  # noqa: PERF203 - it has just ended
                _LOG.debug("%s was not sent: %s", number.name, error)
