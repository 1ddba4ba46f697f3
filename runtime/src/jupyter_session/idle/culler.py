"""Whether a session goes on: a pure decision over what its sources saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from jupyter_session.activity.sample import Sample
from jupyter_session.condor.attributes import End
from jupyter_session.units.durations import format_duration


class Action(Enum):
    """What to do with the session now."""

    KEEP = "keep"
    WARN = "warn"
    STOP = "stop"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When an idle session ends, in seconds; `idle_timeout` None means never."""

    idle_timeout: float | None
    idle_warning: float

    @classmethod
    def of(cls, idle_timeout: float | None, idle_warning: float) -> Policy:
        """Return a policy in which the warning comes after half of the timeout at the earliest."""
        longest = idle_warning if idle_timeout is None else idle_timeout / 2
        return cls(idle_timeout=idle_timeout, idle_warning=min(idle_warning, longest))


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """A time at which the session ends even if it is in use; `why` completes "The session ends: ..."."""

    at: float
    warning: float
    why: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The decision, and why.

    `stop_at` is when it will be `STOP` if nothing changes (None: not foreseen), `earliest_stop_at` before which it
    can't be (None: never by itself). `last_activity` is when something last worked. `end` is how a session ends that
    must stop now.
    """

    action: Action
    stop_at: float | None
    sentence: str
    earliest_stop_at: float | None = None
    last_activity: float = 0.0
    end: End | None = None


def decide(
    samples: Sequence[Sample],
    policy: Policy,
    *,
    started: float,
    now: float,
    keep_alive_until: float | None = None,
    deadline: Deadline | None = None,
) -> Verdict:
    """Decide from the newest sample of each source.

    All times are seconds of one clock that never jumps. The user keeps the session alive until `keep_alive_until`.
    """
    use = _decide_by_use(samples, policy, started=started, now=now, keep_alive_until=keep_alive_until)
    if deadline is None:
        return use
    stop_at = deadline.at if use.stop_at is None else min(use.stop_at, deadline.at)
    if use.action is Action.STOP and stop_at < deadline.at:
        return use
    earliest = deadline.at if use.earliest_stop_at is None else min(use.earliest_stop_at, deadline.at)
    verdict = replace(use, stop_at=stop_at, earliest_stop_at=earliest)
    if now >= deadline.at:
        sentence = f"Time limit reached: {deadline.why}."
        return replace(verdict, action=Action.STOP, stop_at=deadline.at, sentence=sentence, end=End.DEADLINE)
    if now >= deadline.at - deadline.warning:
        sentence = f"The session ends in {format_duration(deadline.at - now)}: {deadline.why}. {use.sentence}"
        return replace(verdict, action=Action.WARN, sentence=sentence)
    return verdict


def _decide_by_use(
    samples: Sequence[Sample], policy: Policy, *, started: float, now: float, keep_alive_until: float | None
) -> Verdict:
    timeout = policy.idle_timeout
    last = max([started, *(sample.last for sample in samples if sample.last is not None)])
    doubts = "".join(f" ({sample.source}: {sample.error})" for sample in samples if sample.error)
    working = [f"{sample.source}: {sample.detail}" for sample in samples if sample.active]
    if working:
        earliest = None if timeout is None else max(now + timeout, keep_alive_until or 0.0)
        sentence = f"In use: {', '.join(working)}.{doubts}"
        return _keep(sentence, earliest=earliest, last_activity=now)
    seen = ", ".join(f"{sample.source}: {sample.detail}" for sample in samples)
    idle, details = f"Idle for {format_duration(now - last)}", f" ({seen})" if seen else ""
    if timeout is None:
        return _keep(f"{idle}; the idle timeout is never.{doubts}", earliest=None, last_activity=last)
    stop_at = max(last + timeout, keep_alive_until or 0.0)
    action, end = Action.KEEP, None
    if now >= stop_at:
        action, end = Action.STOP, End.IDLE
        sentence = f"{idle}; the idle timeout is {format_duration(timeout)}{details}.{doubts}"
    else:
        if now >= stop_at - policy.idle_warning:
            action = Action.WARN
        kept = "Kept alive by extend. " if keep_alive_until is not None and now < keep_alive_until else ""
        then = f"the session ends in {format_duration(stop_at - now)} unless something runs"
        sentence = f"{kept}{idle}{details}; {then}.{doubts}"
    return Verdict(
        action=action, stop_at=stop_at, sentence=sentence, earliest_stop_at=stop_at, last_activity=last, end=end
    )


def _keep(sentence: str, *, earliest: float | None, last_activity: float) -> Verdict:
    return Verdict(
        action=Action.KEEP,
        stop_at=None,
        sentence=sentence,
        earliest_stop_at=earliest,
        last_activity=last_activity,
    )
