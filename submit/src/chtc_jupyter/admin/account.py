"""Account for what the sessions of each user, and of all users, took of the pool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chtc_jupyter.admin.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Account:
    """Sums over sessions, in seconds.

    `states` counts the sessions in the queue by their state, `ends` how starts of sessions ended. `unlimited` counts
    the idle stops of sessions that nothing else would have ended; `saved_seconds` leaves them out.
    """

    sessions: int = 0
    gpus: int = 0
    seconds: float = 0.0
    gpu_seconds: float = 0.0
    idle_seconds: float = 0.0
    saved_seconds: float = 0.0
    unlimited: int = 0
    states: Mapping[str, int] = field(default_factory=Counter)
    ends: Mapping[str, int] = field(default_factory=Counter)


def sum_usages(usages: Iterable[Usage]) -> Account:
    """Return one account of all sessions."""
    taken = list(usages)
    return Account(
        sessions=len(taken),
        gpus=sum(usage.gpus for usage in taken),
        seconds=sum(usage.seconds for usage in taken),
        gpu_seconds=sum(usage.gpu_seconds for usage in taken),
        idle_seconds=sum(usage.idle_seconds for usage in taken),
        saved_seconds=sum(usage.saved_seconds or 0.0 for usage in taken),
        unlimited=sum(usage.saved_seconds is None and "idle stop" in usage.ends for usage in taken),
        states=Counter(usage.state for usage in taken if usage.state),
        ends=sum((Counter(usage.ends) for usage in taken), Counter[str]()),
    )


def sum_by_user(usages: Iterable[Usage]) -> dict[str, Account]:
    """Return an account for each user, by name."""
    of: dict[str, list[Usage]] = {}
    for usage in usages:
        of.setdefault(usage.user, []).append(usage)
    return {user: sum_usages(of[user]) for user in sorted(of)}
