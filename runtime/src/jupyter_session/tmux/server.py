"""The tmux session `jupyter`: window `lab` runs the server and shows its log, window `shell` is the user's."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_session.core.background import call_in_time
from jupyter_session.errors import SessionError

_LOG = logging.getLogger(__name__)
NAME = "jupyter"
_QUICK, _PATIENCE = 2.0, 30.0  # seconds for an answer of tmux: how something ended, and that something was started
_BINARY = "/usr/bin/tmux"  # not the wrapper in /usr/local/bin, which is for people's terminals
_SESSION = f"={NAME}:"  # by its whole name


class _TmuxError(Exception):
    """tmux refused a command."""


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
    """The session's tmux, on a socket of its own. It has no server before `start`."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._binary = _BINARY if os.access(_BINARY, os.X_OK) else "tmux"
        self._pane = ""  # the one in window `lab`

    def start(self, command: list[str], log: Path, folder: Path) -> int:
        """Run `command` in window `lab` of a new session; return its process ID. Raises SessionError if tmux can't."""
        return _in_time(lambda: self._start(command, log, folder))

    def open_shell(self, folder: Path) -> None:
        """Open the user's window. Raises SessionError if tmux can't."""
        _in_time(lambda: self._open_shell(folder))

    def restart(self, command: list[str], log: Path, folder: Path) -> int:
        """Run `command` in the window `lab` again, which is opened if the user closed it; return its process ID."""
        return _in_time(lambda: self._restart(command, log, folder))

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
        for client in self._try("list-clients", "-F", "#{client_name}").splitlines():
            self._try("display-message", "-c", client, "-d", "10000", line.replace("#", "##"))

    def kill(self) -> None:
        """End tmux and everything that runs in it. No other session uses this server."""
        self._try("kill-server")

    def _start(self, command: list[str], log: Path, folder: Path) -> int:
        size = ("-x", "200", "-y", "50")
        words = (
            "new-session",
            "-d",
            "-s",
            NAME,
            *size,
            *_name_window("lab", folder),
            _render_shell_command(command, log),
        )
        try:
            try:
                return self._keep(words)
            except _TmuxError as error:
                if "duplicate session" not in str(error):
                    raise
                self._run("kill-session", "-t", _SESSION)  # one that a killed supervisor left behind
                return self._keep(words)
        except _TmuxError as error:
            raise SessionError(f"tmux could not start the session {NAME!r}: {error}.") from error

    def _open_shell(self, folder: Path) -> int:
        try:
            self._run("new-window", "-d", "-t", _SESSION, "-n", "shell", "-c", str(folder))
        except _TmuxError as error:
            raise SessionError(f"tmux could not open the window `shell`: {error}.") from error
        return 0

    def _restart(self, command: list[str], log: Path, folder: Path) -> int:
        text = _render_shell_command(command, log)
        try:
            if self._ask("#{pane_id}"):
                self._run("respawn-pane", "-k", "-t", self._pane, text)
                return self._pid(self._ask("#{pane_pid}"))
            if self._try("list-windows", "-t", _SESSION):
                return self._keep(("new-window", "-d", "-t", _SESSION, *_name_window("lab", folder), text))
        except _TmuxError as error:
            raise SessionError(f"tmux could not restart the window `lab`: {error}.") from error
        pid = self._start(command, log, folder)  # tmux had ended too
        self._open_shell(folder)
        return pid

    def _keep(self, words: Sequence[str]) -> int:
        """Open window `lab`; keep it when its command ends, so that the exit status can be read.

        Returns the command's process ID. Raises _TmuxError if it can't be opened.
        """
        answer = self._run(*words, then=("set-option", "-w", "-t", f"{_SESSION}lab", "remain-on-exit", "on"))
        self._pane, _, pid = answer.partition(" ")
        return self._pid(pid)

    @staticmethod
    def _pid(answer: str) -> int:
        if not answer.isdigit():
            raise SessionError("tmux doesn't report which process runs in the window `lab`.")
        return int(answer)

    def _ask(self, form: str) -> str:
        """Return a format of tmux for the pane that runs the server, or "" if the pane is gone."""
        return self._try("display-message", "-p", "-t", self._pane, form) if self._pane else ""

    def _try(self, *words: str) -> str:
        """Return the output of a command of tmux, "" if it fails."""
        try:
            return self._run(*words)
        except _TmuxError as error:
            _LOG.debug("tmux %s: %s", words[0], error)
            return ""

    def _run(self, *words: str, then: Sequence[str] = ()) -> str:
        """Return the output of a command of tmux, and of the one right after it. Raises _TmuxError if one fails."""
        more = [";", *map(_escape, then)] if then else []
        environ = {name: value for name, value in os.environ.items() if name != "TMUX"}
        done = subprocess.run(
            [self._binary, "-S", str(self._socket), *map(_escape, words), *more],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environ,
            check=False,
        )
        if done.returncode:
            raise _TmuxError(" ".join(done.stderr.split()) or f"exit code {done.returncode}")
        return done.stdout.rstrip("\n")


def _in_time(do: Callable[[], int]) -> int:
    try:
        return call_in_time(do, _PATIENCE)
    except TimeoutError:
        raise SessionError(f"tmux didn't answer within {_PATIENCE:.0f} s.") from None


def _escape(word: str) -> str:
    """Return an argument for tmux, which takes a semicolon at the end of one for the end of the command."""
    return f"{word[:-1]}\\;" if word.endswith(";") else word


def _name_window(name: str, folder: Path) -> tuple[str, ...]:
    """Return the options for a new window, whose pane and process ID are to be printed."""
    return ("-n", name, "-c", str(folder), "-P", "-F", "#{pane_id} #{pane_pid}")


def _render_shell_command(command: list[str], log: Path) -> str:
    """Return what runs `command` in place of the shell, with its output in the pane and appended to `log`."""
    script = f"exec {shlex.join(command)} > >(exec tee -a {shlex.quote(str(log))}) 2>&1"
    # The user's tmux.conf may name another shell. With -p, bash takes no startup file or option from the environment.
    return f"exec /bin/bash -p -c {shlex.quote(script)}"
