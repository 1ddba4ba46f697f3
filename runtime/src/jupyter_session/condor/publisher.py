"""Publishes the session on the access point, in a thread of its own, so that a slow network never delays it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jupyter_session.backoff import Backoff
from jupyter_session.condor import quota
from jupyter_session.condor.attributes import Value
from jupyter_session.condor.chirp import ChirpClient
from jupyter_session.condor.chirp_errors import AnswerError, ChirpError, ChirpRefusedError

_LOG = logging.getLogger(__name__)

_ADVICE = (
    "Add `want_io_proxy = true` to the submit file; if it is there, the machine doesn't let jobs use chirp. "
    "Until then, `condor_ssh_to_job JOB jupyter-session url` prints the address."
)
NO_CHIRP = f"This job has no access to chirp, so the job ad can't show the session. {_ADVICE}"
NO_FILES = f"HTCondor doesn't let this job write files with chirp, so there is no connection file. {_ADVICE}"
#: Seconds that the starter may take for one answer.
_TIMEOUT = 10.0
_BACKOFF = Backoff(first=1.0, longest=60.0)
_MOST_EVENTS = 20


class _FileError(ChirpError):
    """A private file can't be written; the rest has arrived."""


@dataclass
class _Pending:
    """What is still to be sent: the newest value of each attribute, events in order, and files to write or remove."""

    attributes: dict[str, Value] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    files: dict[str, str | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.attributes or self.events or self.files)


class JobAdPublisher:
    """Sends attributes, events, and private files with chirp; tries again, less and less often, while that fails.

    `problem` is one sentence on what doesn't work now, or empty. `say` is called with each new problem. The thread
    starts when there is something to send.
    """

    def __init__(self, *, enabled: bool, say: Callable[[str], None]) -> None:
        self.problem = ""
        self._say = say
        self._pending = _Pending()
        self._sent: dict[str, Value] = {}
        self._wake = threading.Condition()
        self._closing = False
        self._enabled = enabled
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def publish(
        self, attributes: Mapping[str, Value], event: str | None = None, files: Mapping[str, str | None] | None = None
    ) -> None:
        """Queue a group of attributes (their order is kept), an event, and private files (None removes one)."""
        if not self._enabled:
            return
        if self._thread.ident is None:
            self._thread.start()
        with self._wake:
            for name, value in attributes.items():
                self._pending.attributes.pop(name, None)  # so that the newest group's order counts
                self._pending.attributes[name] = value
            if event is not None:
                self._pending.events = [*self._pending.events, event][-_MOST_EVENTS:]
            self._pending.files |= files or {}
            self._wake.notify()

    def close(self, timeout: float) -> None:
        """Send the rest, for at most `timeout` seconds."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        delay = 0.0
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closing, delay) if delay else None
                self._wake.wait_for(lambda: self._pending or self._closing)
                if not self._pending:
                    return
                work, self._pending = self._pending, _Pending()
            try:
                self._send(work)
            except ChirpError as error:
                what = (
                    "write the connection file on the access point"
                    if isinstance(error, _FileError)
                    else "update the job ad"
                )
                self._report(f"Can't {what}: {error}. Trying again.")
                self._put_back(work)
                if self._closing:
                    return
                delay = _BACKOFF.delay_after(delay)
            else:
                delay = 0.0

    def _send(self, work: _Pending) -> None:
        """Send `work`, and remove from it what has arrived."""
        with ChirpClient.connect(_TIMEOUT) as chirp:
            # What HTCondor refuses, it refuses until the same is tried again.
            problem = self.problem if self.problem in (NO_FILES, NO_CHIRP) else ""
            failed: AnswerError | None = None
            for name, text in list(work.files.items()):
                try:
                    chirp.put_private(name, text) if text is not None else chirp.remove(name)
                    problem = "" if problem == NO_FILES else problem
                except ChirpRefusedError as error:
                    _LOG.debug("no private file: %s", error)
                    problem = NO_FILES
                except AnswerError as error:  # a full disk, for example: the job ad is told all the same
                    failed = quota.explain(error, chirp, f".{name}.new")
                    continue
                del work.files[name]
            try:
                for name, value in list(work.attributes.items()):
                    if name not in self._sent or self._sent[name] != value or name == "JupyterState":
                        chirp.set_attributes({name: value})
                        problem = "" if problem == NO_CHIRP else problem
                        self._sent[name] = value
                    del work.attributes[name]
                while work.events:
                    chirp.log_event(work.events[0])
                    del work.events[0]
            except ChirpRefusedError as error:
                _LOG.debug("no attributes: %s", error)
                problem = NO_CHIRP
        if failed:
            raise _FileError(str(failed)) from failed
        self._report(problem)

    def _put_back(self, work: _Pending) -> None:
        with self._wake:
            newer = self._pending
            self._pending = _Pending(
                {**{n: v for n, v in work.attributes.items() if n not in newer.attributes}, **newer.attributes},
                [*work.events, *newer.events][-_MOST_EVENTS:],
                work.files | newer.files,
            )

    def _report(self, problem: str) -> None:
        if problem and problem != self.problem:
            self._say(problem)
        self.problem = problem
