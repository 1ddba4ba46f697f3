"""The tmux session `jupyter`: window `lab` runs the server and shows its log, window `shell` is the user's."""

from __future__ import annotations

import logging
import os
import shlex
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from libtmux import Pane, Server, Window
from libtmux.exc import LibTmuxException

from jupyter_session.brought import find_program
from jupyter_session.core.background import call_in_time
from jupyter_session.errors import SessionError

_LOG = logging.getLogger(__name__)
NAME = "jupyter"
_QUICK, _PATIENCE = 2.0, 30.0  # seconds for an answer of tmux: how something ended, and that something was started
_BINARY = find_program("/usr/bin/tmux")  # not the wrapper in /usr/local/bin, which is for people's terminals


@dataclass(frozen=True)
class ExitStatus:
    """How a process in a pane ended: by exit code or by signal."""

    code: int | None
    signal: int | None

    def __str__(self) -> str:
        if self.signal:
            return f"killed by {signal.Signals(self.signal).name}"
        return f"exit code {self.code}"


class Tmux:
    """The session's tmux, controlled with libtmux, on a socket of its own. It has no server before `start`."""

    def __init__(self, socket: Path) -> None:
        self._server = Server(socket_path=socket, tmux_bin=_BINARY if os.access(_BINARY, os.X_OK) else None)
        self._lab: Pane | None = None

    def start(self, command: list[str], log: Path, folder: Path) -> int:
        """Run `command` in window `lab` of a new session; return its process ID. Raises SessionError if tmux can't."""
        return _in_time(lambda: self._start(command, log, folder))

    def open_shell(self, folder: Path) -> None:
        """Open the user's window. Raises SessionError if tmux can't."""
        _in_time(lambda: self._open_shell(folder))

    def _open_shell(self, folder: Path) -> int:
        try:
            for session in self._server.sessions:
                if session.session_name == NAME:
                    session.new_window(window_name="shell", start_directory=str(folder), attach=False)
        except LibTmuxException as error:
            raise SessionError(f"tmux could not open the window `shell`: {error}.") from error
        return 0

    def _start(self, command: list[str], log: Path, folder: Path) -> int:
        try:
            session = self._server.new_session(
                session_name=NAME,
                kill_session=True,  # one that a killed supervisor left behind
                window_name="lab",
                window_command=_render_shell_command(command, log),
                start_directory=str(folder),
                x=200,
                y=50,
            )
            self._lab = _keep_pane(session.active_window)
        except LibTmuxException as error:
            raise SessionError(f"tmux could not start the session {NAME!r}: {error}.") from error
        return self._pid()

    def restart(self, command: list[str], log: Path, folder: Path) -> int:
        """Run `command` in the window `lab` again, which is opened if the user closed it; return its process ID."""
        return _in_time(lambda: self._restart(command, log, folder))

    def _restart(self, command: list[str], log: Path, folder: Path) -> int:
        try:
            if self._lab is not None and self._pane_is_there():
                self._lab.respawn(kill=True, shell=_render_shell_command(command, log))
                return self._pid()
            for session in self._server.sessions:
                if session.session_name == NAME:
                    window = session.new_window(
                        window_name="lab",
                        window_shell=_render_shell_command(command, log),
                        start_directory=str(folder),
                        attach=False,
                    )
                    self._lab = _keep_pane(window)
                    return self._pid()
        except LibTmuxException as error:
            raise SessionError(f"tmux could not restart the window `lab`: {error}.") from error
        pid = self._start(command, log, folder)  # tmux had ended too
        self._open_shell(folder)
        return pid

    def read_exit_status(self) -> ExitStatus | None:
        """Return how the command in `lab` ended; None while it runs, or if the window is gone."""
        try:
            answer = call_in_time(lambda: self._ask("#{pane_dead}:#{pane_dead_status}:#{pane_dead_signal}"), _QUICK)
        except TimeoutError:
            _LOG.debug("tmux doesn't answer")
            answer = ""
        dead, code, number = (answer or "::").split(":")
        if dead != "1":
            return None
        return ExitStatus(int(code) if code else None, int(number) if number else None)

    def show(self, line: str) -> None:
        """Show a line at the bottom of every attached terminal."""
        for client in self._server.cmd("list-clients", "-F", "#{client_name}").stdout:
            self._server.cmd("display-message", "-c", client, "-d", "10000", line.replace("#", "##"))

    def kill(self) -> None:
        """End tmux and everything that runs in it. No other session uses this server."""
        self._server.cmd("kill-server")

    def _pane_is_there(self) -> bool:
        return self._ask("#{pane_id}") != ""

    def _pid(self) -> int:
        answer = self._ask("#{pane_pid}")
        if not answer.isdigit():
            raise SessionError("tmux doesn't report which process runs in the window `lab`.")
        return int(answer)

    def _ask(self, form: str) -> str:
        """Return a format of tmux for the pane that runs the server, or "" if the pane is gone."""
        answer = self._lab.cmd("display-message", "-p", form).stdout if self._lab is not None else []
        return answer[0] if answer else ""


def _in_time(do: Callable[[], int]) -> int:
    try:
        return call_in_time(do, _PATIENCE)
    except TimeoutError:
        raise SessionError(f"tmux didn't answer within {_PATIENCE:.0f} s.") from None


def _keep_pane(window: Window) -> Pane | None:
    """Keep a window when its command ends, so that the exit status can be read; return its pane."""
    window.set_option("remain-on-exit", "on")
    return window.active_pane


def _render_shell_command(command: list[str], log: Path) -> str:
    """Return what runs `command` in place of the shell, with its output in the pane and appended to `log`."""
    script = f"exec {shlex.join(command)} > >(exec tee -a {shlex.quote(str(log))}) 2>&1"
    # The user's tmux.conf may name another shell. With -p, bash takes no startup file or option from the environment.
    return f"exec /bin/bash -p -c {shlex.quote(script)}"
