"""Publishes the session on the access point, in a thread of its own, so that a slow network never delays it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jupyter_session.backoff import Backoff
from jupyter_session.condor import quota
from jupyter_session.condor.attributes import START, STATE, Value
from jupyter_session.condor.chirp import ChirpClient
from jupyter_session.condor.chirp_errors import AnswerError, ChirpError, ChirpRefusedError

_LOG = logging.getLogger(__name__)

_CONNECT = (
    "On the access point, `condor_ssh_to_job JOB jupyter-session connect` prints the line to paste on your laptop."
)
#: Seconds that the starter may take for one answer.
_TIMEOUT = 10.0
_BACKOFF = Backoff(first=1.0, longest=60.0)
_MOST_EVENTS = 20
_AGAIN = "Trying again."


@dataclass
class _Pending:
    """What is still to be sent: the newest value of each attribute, events in order, and files to write or remove."""

    attributes: dict[str, Value] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    files: dict[str, str | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.attributes or self.events or self.files)

    def followed_by(self, newer: _Pending) -> _Pending:
        """Return both together, in the order of the newer attributes."""
        return _Pending(
            {**{n: v for n, v in self.attributes.items() if n not in newer.attributes}, **newer.attributes},
            [*self.events, *newer.events][-_MOST_EVENTS:],
            self.files | newer.files,
        )

    def let_pass(self, newer: _Pending) -> _Pending:
        """Return what of `newer` need not wait for this: attributes, which it replaces here. Take in the rest."""
        for name in newer.attributes:
            self.attributes.pop(name, None)
        passed = _Pending(newer.attributes)
        if self.files:
            self.files |= newer.files
        else:
            passed.files = newer.files
        if self.events:
            self.events = [*self.events, *newer.events][-_MOST_EVENTS:]
        else:
            passed.events = newer.events
        return passed


def explain_no_chirp(*, asked: bool) -> str:
    """Return that there is no chirp; `asked` if the submit file asks for it, so that the machine forbids it."""
    if asked:
        return f"This machine doesn't let jobs use chirp, so the job ad can't show the session. {_CONNECT}"
    add = "Add `want_io_proxy = true` to the submit file."
    return f"This job has no access to chirp, so the job ad can't show the session. {add} {_CONNECT}"


def explain_no_files(*, asked: bool) -> str:
    """Return that chirp may not write files."""
    if asked:
        return "This machine doesn't let jobs write files with chirp, so there is no connection file."
    add = "Add `want_io_proxy = true` to the submit file."
    return f"HTCondor doesn't let this job write files with chirp, so there is no connection file. {add}"


class JobAdPublisher:
    """Sends attributes, events, and private files with chirp; tries again, less and less often, while that fails.

    `problem` is one sentence on what doesn't work now, or empty. `say` is called with each new problem. The thread
    starts when there is something to send. `ad` is the job ad as the job found it, by lowercase names.
    """

    def __init__(self, *, enabled: bool, say: Callable[[str], None], ad: Mapping[str, object] | None = None) -> None:
        self.problem = ""
        self._ad: Mapping[str, object] | None = ad or {}
        asked = self._ad.get("wantioproxy") is True
        self.no_chirp, self.no_files = explain_no_chirp(asked=asked), explain_no_files(asked=asked)
        self._say = say
        self._pending = _Pending()
        self._refused, self._due = _Pending(), 0.0  # of the thread
        self._problems = {"files": "", "ad": ""}
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

    def forget_ad(self) -> None:
        """Send all from now on: another process has changed the job ad."""
        self._ad = None

    def close(self, timeout: float) -> None:
        """Send the rest, for at most `timeout` seconds."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        delay, is_broken = 0.0, False
        while True:
            work, is_last = self._take()
            if work:
                is_all = not self._refused
                try:
                    self._send(work)
                    self._due, is_broken = 0.0 if is_broken else self._due, False
                except ChirpError as error:
                    self._problems["ad"] = f"Can't update the job ad: {error}. {_AGAIN}"
                    is_broken = True
                self._refused = self._refused.followed_by(work)
                self._report()
                if not self._refused:
                    delay = 0.0
                elif is_all:
                    delay = _BACKOFF.delay_after(delay)
                    self._due = time.monotonic() + delay
            if is_last and (self._refused or not work):
                return

    def _take(self) -> tuple[_Pending, bool]:
        """Wait for something to send, and take it, with all that was refused if that is due; return whether it is last.

        It may be empty.
        """
        with self._wake:
            left = max(0.0, self._due - time.monotonic()) if self._refused else None
            self._wake.wait_for(lambda: self._pending or self._closing, left)
            work, self._pending = self._pending, _Pending()
            if self._closing or time.monotonic() >= self._due:
                work, self._refused = self._refused.followed_by(work), _Pending()
            else:
                work = self._refused.let_pass(work)
            return work, self._closing

    def _send(self, work: _Pending) -> None:
        """Send `work`, and remove from it what has arrived, and what HTCondor refuses until the same is tried again.

        What the access point can't take now stays: a full disk there, for example, takes no file, but the job ad is
        updated all the same.
        """
        with ChirpClient.connect(_TIMEOUT) as chirp:
            for name, text in list(work.files.items()):
                try:
                    chirp.put_private(name, text) if text is not None else chirp.remove(name)
                    self._problems["files"] = ""
                except ChirpRefusedError as error:
                    _LOG.debug("no private file: %s", error)
                    self._problems["files"] = self.no_files
                except AnswerError as error:
                    why = quota.explain(error, chirp, f".{name}.new")
                    self._problems["files"] = f"Can't write the connection file on the access point: {why}. {_AGAIN}"
                    continue
                del work.files[name]
            self._send_to_schedd(chirp, work)

    def _send_to_schedd(self, chirp: ChirpClient, work: _Pending) -> None:
        waits = self._problems["ad"] == self.no_chirp or self._refused.attributes or self._refused.events
        problem = self._problems["ad"] if waits else ""
        try:
            for name, value in list(work.attributes.items()):
                if name == START and next(iter(work.attributes)) != START:
                    continue  # what is still to come of this start would be taken from an earlier one
                if name == STATE or not self._is_there(name, value):
                    try:
                        chirp.set_attributes({name: value})
                        problem = "" if problem == self.no_chirp else problem
                        self._sent[name] = value
                    except ChirpRefusedError:
                        raise
                    except AnswerError as error:
                        problem = f"Can't update the job ad: {error}. {_AGAIN}"
                        continue
                del work.attributes[name]
            while work.events:
                chirp.log_event(work.events[0])
                del work.events[0]
        except ChirpRefusedError as error:
            _LOG.debug("no attributes: %s", error)
            problem = self.no_chirp
            work.attributes.clear()
            work.events.clear()
        except AnswerError as error:
            problem = f"Can't write to the job event log: {error}. {_AGAIN}"
        self._problems["ad"] = problem

    def _is_there(self, name: str, value: Value) -> bool:
        """Return whether the job ad has this value, as far as that is known."""
        if name in self._sent:
            return self._sent[name] == value
        return self._ad is not None and self._ad.get(name.lower()) == value

    def _report(self) -> None:
        problem = next(filter(None, self._problems.values()), "")
        if self._problems["ad"] == self.no_chirp:  # which says all
            problem = self.no_chirp
        if problem and problem != self.problem:
            self._say(problem)
        self.problem = problem
