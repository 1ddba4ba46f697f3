"""Whether a session goes on: a pure decision over what its sources saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from jupyter_session.activity import Sample
from jupyter_session.condor.contract import End
from jupyter_session.units.durations import format_duration


class Action(Enum):
    """What is to be done with the session now."""

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
        """Make a policy in which the warning comes no sooner than after half of the timeout."""
        longest = idle_warning if idle_timeout is None else idle_timeout / 2
        return cls(idle_timeout=idle_timeout, idle_warning=min(idle_warning, longest))


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """A time at which the session ends whatever works in it; `why` completes "The session ends: ..."."""

    at: float
    warning: float
    why: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The decision, the time at which it would be `STOP` if nothing changed (None: not foreseen), and why.

    `end` is how a session ends that is to stop now.
    """

    action: Action
    stop_at: float | None
    sentence: str
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

    All times are seconds of one clock that never jumps. Until `keep_alive_until` the user wants the session kept.
    """
    use = _decide_by_use(samples, policy, started=started, now=now, keep_alive_until=keep_alive_until)
    if deadline is None:
        return use
    stop_at = deadline.at if use.stop_at is None else min(use.stop_at, deadline.at)
    if use.action is Action.STOP and stop_at < deadline.at:
        return use
    if now >= deadline.at:
        sentence = f"Time limit reached: {deadline.why}."
        return Verdict(action=Action.STOP, stop_at=deadline.at, sentence=sentence, end=End.DEADLINE)
    if now >= deadline.at - deadline.warning:
        sentence = f"The session ends in {format_duration(deadline.at - now)}: {deadline.why}. {use.sentence}"
        return Verdict(action=Action.WARN, stop_at=stop_at, sentence=sentence)
    return replace(use, stop_at=stop_at)


def _decide_by_use(
    samples: Sequence[Sample], policy: Policy, *, started: float, now: float, keep_alive_until: float | None
) -> Verdict:
    doubts = "".join(f" ({sample.source}: {sample.error})" for sample in samples if sample.error)
    working = [f"{sample.source}: {sample.detail}" for sample in samples if sample.active]
    if working:
        return Verdict(action=Action.KEEP, stop_at=None, sentence=f"In use: {', '.join(working)}.{doubts}")
    last = max([started, *(sample.last for sample in samples if sample.last is not None)])
    idle = f"Idle for {format_duration(now - last)}"
    if policy.idle_timeout is None:
        return Verdict(action=Action.KEEP, stop_at=None, sentence=f"{idle}; the idle timeout is never.{doubts}")
    seen = ", ".join(f"{sample.source}: {sample.detail}" for sample in samples)
    stop_at = max(last + policy.idle_timeout, keep_alive_until or 0.0)
    if now >= stop_at:
        sentence = f"{idle}; the idle timeout is {format_duration(policy.idle_timeout)} ({seen}).{doubts}"
        return Verdict(action=Action.STOP, stop_at=stop_at, sentence=sentence, end=End.IDLE)
    action = Action.WARN if now >= stop_at - policy.idle_warning else Action.KEEP
    kept = "Kept alive by extend. " if keep_alive_until is not None and now < keep_alive_until else ""
    sentence = (
        f"{kept}{idle} ({seen}); the session ends in {format_duration(stop_at - now)} unless something runs.{doubts}"
    )
    return Verdict(action=action, stop_at=stop_at, sentence=sentence)
