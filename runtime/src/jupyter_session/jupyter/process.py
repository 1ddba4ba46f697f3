"""JupyterLab's process in tmux: its start on a port of its own, its restarts, and its end."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from jupyter_session.core.event_loop import Loop
from jupyter_session.core.shutdown import ShutdownDeadline, Step
from jupyter_session.errors import SessionError
from jupyter_session.jupyter.lab import Lab, LabError
from jupyter_session.ports import PortRange, choose_port, default_port_range, is_free
from jupyter_session.tmux.server import Tmux

_LOG = logging.getLogger(__name__)
_START_TIMEOUT = 180.0  # seconds; a cold shared file system can be very slow
_START_POLL = 0.03
_PORT_TRIES = 5
_RESTARTS, _RESTART_WINDOW = 3, 600.0


class ServerShutDown(Exception):  # noqa: N818 - not an error: its user wanted it
    """The server was shut down by its user."""


class Server:
    """The process that serves `lab`, in the window `lab` of `tmux`.

    While it waits, it calls `turn`, which handles the user's commands and may raise.
    """

    def __init__(
        self,
        lab: Lab,
        tmux: Tmux,
        loop: Loop,
        *,
        ports: PortRange | None,
        log: Path,
        folder: Path,
        turn: Callable[[float], None],
        say: Callable[[str], None],
    ) -> None:
        self._lab = lab
        self._tmux = tmux
        self._loop = loop
        self._ports = ports or default_port_range()
        self._log = log
        self._folder = folder
        self._turn = turn
        self._say = say
        self._descriptor = -1
        self._restarts: list[float] = []

    @property
    def is_alive(self) -> bool:
        """Whether the process runs, as far as the loop knows."""
        return self._descriptor >= 0

    def start(self, meanwhile: Callable[[], None]) -> None:
        """Start it on a port of its own, call `meanwhile`, and wait until it is ready.

        Raises SessionError if it can't start.
        """
        taken: set[int] = set()
        for _ in range(_PORT_TRIES):
            port = choose_port(self._ports, taken)
            self._lab.prepare(port)
            run = self._tmux.restart if taken else self._tmux.start
            pid = run(self._lab.command(), self._log, self._folder)
            if not taken:
                meanwhile()
            if self._becomes_ready(pid):
                return
            if is_free(port):
                raise SessionError(
                    f"JupyterLab could not start ({self._describe_end()}): {self._lab.read_last_log_lines()}"
                )
            self._say(f"Another program took port {port}; trying another port.")
            taken.add(port)
        raise SessionError(
            f"{_PORT_TRIES} ports in {self._ports} were taken by other programs while JupyterLab started."
        )

    def restart(self, report: Callable[[str], None]) -> str:
        """Start it again after it has died, on the same port if it is free; return how it died, once it is ready.

        Its token is new, even on the same port: an open browser may have sent the old one to another user's program,
        which took the port for a moment. If it ends before it is ready, it gets another port, since that is what such a
        program does to it, and the first such end isn't counted.

        Calls `report` with how it died, before each start. Raises ServerShutDown if its user ended it, and SessionError
        if it has died too often.
        """
        avoid: set[int] = set()
        while True:
            ended = self._describe_end()
            if ended == "exit code 0":
                raise ServerShutDown
            now = time.monotonic()
            self._restarts = [at for at in self._restarts if now - at < _RESTART_WINDOW]
            if len(self._restarts) >= _RESTARTS:
                raise SessionError(
                    f"JupyterLab died {_RESTARTS + 1} times within {_RESTART_WINDOW / 60:.0f} minutes, the last time "
                    f"{ended}: {self._lab.read_last_log_lines()}"
                )
            if len(avoid) != 1:
                self._restarts.append(now)
            report(ended)
            self._lab.prepare(self._choose_port_again(avoid))
            if self._becomes_ready(self._tmux.restart(self._lab.command(), self._log, self._folder)):
                return ended
            avoid.add(self._lab.port)

    def _choose_port_again(self, avoid: set[int]) -> int:
        """Return the port of the last start if it is free and not to be avoided, or else another if there is one."""
        port = self._lab.port
        if port not in avoid and is_free(port):
            return port
        try:
            return choose_port(self._ports, avoid | {port})
        except SessionError:
            return choose_port(self._ports)  # a range of one port

    def stop(self, deadline: ShutdownDeadline) -> None:
        """Ask it to shut down its kernels and itself, and then insist."""
        if not self.is_alive:
            return
        try:
            self._lab.request("POST", "/api/shutdown", timeout=deadline.left(Step.ASK_SERVER))
            self._await_end(deadline.left(Step.SHUT_DOWN_SERVER))
        except LabError as error:
            _LOG.debug("the server is killed: %s", error)
        for number, step in ((signal.SIGTERM, Step.TERMINATE_SERVER), (signal.SIGKILL, Step.KILL_SERVER)):
            if self.is_alive:
                try:
                    signal.pidfd_send_signal(self._descriptor, number)
                except ProcessLookupError:
                    _LOG.debug("the server had just ended")
                self._await_end(deadline.left(step))

    def _becomes_ready(self, pid: int) -> bool:
        """Wait until process `pid` serves our port; return False if it ends. Raises SessionError in the end."""
        try:
            self._descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            _LOG.debug("the server ended at once")
            return False
        self._loop.watch(self._descriptor, lambda: self._has_ended(pid))
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            self._turn(_START_POLL)
            if not self.is_alive:
                return False
            if self._lab.has_bound(pid) and self._lab.answers():
                return True
        raise SessionError(
            f"JupyterLab did not answer within {_START_TIMEOUT:.0f} s of its start: {self._lab.read_last_log_lines()}"
        )

    def _has_ended(self, pid: int) -> None:
        self._loop.forget(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        self._lab.end_orphans(pid)

    def _describe_end(self) -> str:
        """Return how the process ended, once tmux knows."""
        deadline = time.monotonic() + 2
        while (status := self._tmux.read_exit_status()) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return str(status) if status else "its window was closed"

    def _await_end(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while self.is_alive and time.monotonic() < deadline:
            self._turn(deadline - time.monotonic())
