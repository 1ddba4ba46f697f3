"""The account of each user, and of all of them: what their sessions have had of the pool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chtc_jupyter.admin.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Account:
    """Sums over sessions, in seconds.

    `states` counts those in the queue by what they do, `ends` what ended their starts. `unlimited` are the idle stops
    of sessions that nothing else would have ended: `saved_seconds` has no part of them.
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


def total(usages: Iterable[Usage]) -> Account:
    """Return the account of sessions, whoever's they are."""
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


def by_user(usages: Iterable[Usage]) -> dict[str, Account]:
    """Return the account of each user, by name."""
    of: dict[str, list[Usage]] = {}
    for usage in usages:
        of.setdefault(usage.user, []).append(usage)
    return {user: total(of[user]) for user in sorted(of)}
