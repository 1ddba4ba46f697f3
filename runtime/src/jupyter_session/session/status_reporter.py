"""Who learns of a change of a session's status: the job ad and the event log, commands, the job's output, people."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from jupyter_session import output
from jupyter_session.condor.attributes import (
    End,
    SessionTimes,
    State,
    build_attributes,
    fit_line,
    render_event,
    render_warning,
)
from jupyter_session.condor.publisher import JobAdPublisher
from jupyter_session.control.server import ControlServer
from jupyter_session.core.background import InBackground
from jupyter_session.jupyter.lab import Lab, LabError
from jupyter_session.session.status import SessionStatus
from jupyter_session.tmux.server import Tmux

_LOG = logging.getLogger(__name__)
_MOST_WARNINGS = 20
_QUICK = 1.0  # seconds for JupyterLab to take a notice


class Listener(Protocol):
    """Someone who learns of each change."""

    def on_state(self, status: SessionStatus) -> None:
        """Handle a new state."""

    def on_warnings(self, sentences: Sequence[str]) -> None:
        """Handle warnings that come together, which change no state."""


class StatusReporter:
    """Has the session's status, and reports each change of it to all listeners, in their order."""

    def __init__(self, status: SessionStatus, listeners: Sequence[Listener]) -> None:
        self._status = status
        self._listeners = listeners

    @property
    def status(self) -> SessionStatus:
        """The status as it is now."""
        return self._status

    def update(self, status: SessionStatus) -> None:
        """Replace the status where only those who ask need to know."""
        self._status = status

    def enter(self, state: State, reason: str, **changes: Any) -> None:
        """Change the state, its reason, and other fields of the status, and report it."""
        self._status = status = replace(self._status, state=state, reason=fit_line(reason), **changes)
        _LOG.info("%s: %s", status.state.value, status.reason)
        for listener in self._listeners:
            listener.on_state(status)

    def warn(self, *sentences: str) -> None:
        """Report something that people need to know now, and that changes no state."""
        if not sentences:
            return
        sentences = tuple(map(fit_line, sentences))
        self._status = replace(self._status, warnings=(*self._status.warnings, *sentences)[-_MOST_WARNINGS:])
        for sentence in sentences:
            _LOG.warning("%s", sentence)
        for listener in self._listeners:
            listener.on_warnings(sentences)


class JobAd:
    """Publishes the status in the job ad and the event log, and keeps the owner's connection file.

    `start` says of which start of the job it is.
    """

    def __init__(self, publisher: JobAdPublisher, start: int | None) -> None:
        self._publisher = publisher
        self._start = start

    def on_state(self, status: SessionStatus) -> None:
        """Publish a new state."""
        values = build_attributes(
            status.state,
            status.reason,
            status.published_stop_at,
            status.connection,
            end=status.end,
            times=SessionTimes(
                idle_seconds=round(status.idle_seconds),
                deadline=status.deadline,
                idle_timeout=status.idle_timeout,
                kept_until=status.keep_alive_until,
            ),
            start=self._start,
        )
        files: dict[str, str | None] = {}
        if status.connection and status.connection.file_name:
            files[status.connection.file_name] = None if status.has_ended else status.connection.as_json()
        self._publisher.publish(values, render_event(values), files)

    def on_warnings(self, sentences: Sequence[str]) -> None:
        """Publish warnings in the event log."""
        for sentence in sentences:
            self._publisher.publish({}, render_warning(sentence))


class JobOutput:
    """Writes lines into the job's output: never a secret, because others on the access point can read the file."""

    def on_state(self, status: SessionStatus) -> None:
        """Write what happens, why the session ends, and at last what it used."""
        if status.has_ended:
            self.write(status.receipt)
        elif status.state is State.STOPPING:
            self.write(status.reason, to_stderr=status.end is End.FAILED)
        else:
            self.write(f"{status.state.value}: {status.reason}")
        if status.state is State.READY and status.connection and status.connection.job is None and sys.stdout.isatty():
            output.write_line(f"\n    {status.connection.secret_url}\n\nCtrl-C ends the session.\n")

    def on_warnings(self, sentences: Sequence[str]) -> None:
        """Write warnings."""
        for sentence in sentences:
            self.write(sentence)

    def write_problem(self, line: str) -> None:
        """Write a line with its time to the output and to the error file."""
        self.write(line, to_stderr=True)

    def write(self, line: str, *, to_stderr: bool = False) -> None:
        """Write a line with its time, and, with `to_stderr`, also to the job's error file."""
        output.write_line(time.strftime("%Y-%m-%d %H:%M:%S"), line)
        if to_stderr:
            output.write_line(f"jupyter-session: {line}", to_stderr=True)


class Commands:
    """Sends the status to the commands that wait for it, such as a tunnel's."""

    def __init__(self, server: ControlServer) -> None:
        self._server = server

    def on_state(self, _status: SessionStatus) -> None:
        """Send the new status, which the server reads itself."""
        self._server.send_status()

    def on_warnings(self, _sentences: Sequence[str]) -> None:
        """Do nothing: a command shows states only."""


class Notifier:
    """Shows sentences to the people who are there: in tmux and in the browser. Nobody waits for either."""

    def __init__(self, tmux: Tmux, lab: Lab) -> None:
        self._lab = lab
        self._show_in_tmux = InBackground(tmux.show)
        self._show_in_browser = InBackground(self._post)

    def on_state(self, status: SessionStatus) -> None:
        """Show that the session ends soon."""
        if status.state is State.EXPIRING:
            self._show(status.reason, status.stop_at)

    def on_warnings(self, sentences: Sequence[str]) -> None:
        """Show warnings together: a browser that comes later sees only the newest notice."""
        self._show(" ".join(sentences), None)

    def _show(self, sentence: str, stop_at: int | None) -> None:
        self._show_in_tmux(sentence)
        self._show_in_browser(sentence, stop_at)

    def _post(self, sentence: str, stop_at: int | None) -> None:
        try:
            self._lab.request("POST", "/jupyter-session/notice", {"text": sentence, "stop_at": stop_at}, timeout=_QUICK)
        except LabError as error:
            _LOG.debug("the browser shows nothing: %s", error)
