"""What the process of one kernel works at: a pure account of the status messages that it publishes.

A kernel publishes `busy` and `idle` for each request, with the request as their parent. So a cell runs from `busy` to
`idle` of one request. If an `idle` is lost, as after a flood of output, the kernel is asked something on the shell that
ran the cell: a kernel at work doesn't answer, so one unanswered question at a time is enough.

What a process publishes before it is listened to is lost, too: a cell that was sent while the kernel started, as by
*Restart Kernel and Run All Cells*, may run for hours unseen. So every new process is asked, until it has answered, and
until one of its status messages was heard.
https://jupyter-client.readthedocs.io/en/stable/messaging.html#kernel-status
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: The types of the requests in which a kernel runs its user's code: cells, and the callbacks of widgets. All others
#: are brief.
_RUN_CODE = frozenset({"execute_request", "comm_open", "comm_msg", "comm_close"})
#: Seconds after which a kernel is asked about a cell, and about a state that Jupyter claims though nothing ran.
ASK_AFTER, DOUBT_AFTER = 30.0, 2.0
#: Seconds without an answer after which a kernel is at work.
PATIENCE = 5.0
#: Seconds after an answer in which Jupyter's `last_activity` is that of our own question.
_SETTLE = 1.5
_MOST_REQUESTS = 1000
#: Answers from a kernel that was never heard, after which it is taken for one that publishes nothing.
_MOST_UNHEARD = 10


@dataclass(frozen=True, kw_only=True)
class Status:
    """A status message: the kernel's `state`, and the request that caused it. `shell` is a subshell, or None."""

    state: str
    request: str
    kind: str
    shell: str | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What Jupyter says of a kernel: its `execution_state`, and its `last_activity`."""

    state: str
    last_activity: str


@dataclass(frozen=True)
class _Request:
    shell: str | None
    since: float


@dataclass(frozen=True, kw_only=True)
class _Question:
    """An unanswered question. `ended`: the requests that had ended when the kernel began to answer, None before."""

    request: str
    shell: str | None
    at: float
    ended: frozenset[str] | None = None


@dataclass(frozen=True)
class Wanted:
    """A question to ask on a shell: a subshell, or None for the main one. `is_doubt`: no request is known to run."""

    shell: str | None
    is_doubt: bool = False


class KernelWork:
    """The work of one process of a kernel. Times are seconds of one clock.

    `changes` counts the starts and ends of requests that run code. `last_activity` is Jupyter's, without what our own
    questions caused.
    """

    def __init__(self, claim: Claim, now: float) -> None:
        self.changes = 0
        self.last_activity = claim.last_activity
        self._claim = claim
        self._settled = ""
        self._requests: dict[str, _Request] = {}
        self._question: _Question | None = None
        self._changed = now
        self._answered = now - _SETTLE
        self._doubted: float | None = None
        self._is_unknown, self._is_heard, self._unheard = True, False, 0
        self._answers_at_work = False

    def note_status(self, status: Status, now: float) -> None:
        """Note a status message that the kernel published."""
        self._is_heard = True
        question = self._question
        if question and status.request == question.request:
            if status.state == "busy":  # in the order of all status messages, unlike the answer
                ended = [name for name, request in self._requests.items() if request.shell == question.shell]
                self._question = replace(question, ended=frozenset(ended))
        elif status.state == "starting":
            self._forget(*self._requests)
        elif status.kind in _RUN_CODE and status.state == "busy":
            self._requests[status.request] = _Request(status.shell, now)
            self.changes += 1
            self._changed = now
            if len(self._requests) > _MOST_REQUESTS:
                self._forget(next(iter(self._requests)))
        elif status.state == "idle" and status.request in self._requests:
            self._forget(status.request)
            self._changed = now

    def note_claim(self, claim: Claim, now: float) -> None:
        """Note what Jupyter says now."""
        is_ours = now - self._answered < _SETTLE
        if claim.last_activity != self._claim.last_activity and not is_ours:
            self.last_activity = claim.last_activity
        if is_ours:
            self._settled = claim.last_activity
        self._claim = claim
        if claim.state != "busy" or self._requests or claim.last_activity == self._settled:
            self._doubted = None
        elif self._doubted is None:
            self._doubted = now

    def want_question(self, now: float) -> Wanted | None:
        """Return what should be asked now, or None."""
        if self._question:
            return None
        if not self._answers_at_work:
            for request in self._requests.values():
                if now - request.since >= ASK_AFTER:
                    return Wanted(request.shell)
        if self._requests:
            return None
        is_doubtful = self._doubted is not None and now - self._doubted >= DOUBT_AFTER
        return Wanted(None, is_doubt=True) if self._is_unknown or is_doubtful else None

    def note_question(self, request: str, wanted: Wanted, now: float) -> None:
        """Note that the kernel was asked, by a request of this ID."""
        self._question = _Question(request=request, shell=wanted.shell, at=now)

    def note_answer(self, now: float, *, is_serial: bool) -> None:
        """Note the answer. `is_serial`: a shell of this kernel does one thing after another, or no longer exists."""
        question, self._question = self._question, None
        if question is None:
            return
        self._answered, self._changed = now, now
        self._unheard += not self._is_heard
        self._is_unknown, self._doubted = not self._is_heard and self._unheard < _MOST_UNHEARD, None
        self._answers_at_work = not is_serial
        if not is_serial:
            return
        before = [n for n, r in self._requests.items() if r.shell == question.shell and r.since < question.at]
        self._forget(*(before if question.ended is None else question.ended))

    def is_at_work(self, now: float) -> bool:
        """Return whether it runs a cell or a callback, or doesn't answer."""
        is_silent = self._question is not None and now - max(self._question.at, self._changed) >= PATIENCE
        return bool(self._requests) or is_silent

    def _forget(self, *requests: str) -> None:
        for request in requests:
            self.changes += self._requests.pop(request, None) is not None
