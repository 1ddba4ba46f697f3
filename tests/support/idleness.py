"""Sessions with a short idle timeout: what keeps one alive, and how one ends."""

from __future__ import annotations

from typing import Any

from support.session import Session
from support.waiting import wait_for

#: The idle timeout of these sessions, in seconds.
TIMEOUT = 30


def seen(session: Session, source: str) -> dict[str, Any]:
    """Return what a source of activity says."""
    return next(dict(seen) for seen in session.status()["sources"] if seen["source"] == source)


def keeps_alive(session: Session, source: str, words: str, seconds: float = TIMEOUT + 10) -> None:
    """Assert that a source keeps the session alive for longer than the idle timeout, and says why."""
    active: dict[str, Any] = {}

    def is_active() -> bool:
        active.update(seen(session, source))
        return active["active"] and words in active["detail"]

    def has_been_active() -> bool:
        return is_active() and active["since"] >= seconds

    wait_for(is_active, 60, lambda: f"{source} to say {words!r}; it says {active}", every=2)
    # On a machine that is full, work may get less of it than counts, for a look: then it counts anew.
    wait_for(has_been_active, 3 * seconds, lambda: f"{source} to say so for {seconds} s; it says {active}", every=2)
    assert session.states()[-1] == "ready"


def ends(session: Session, *words: str) -> None:
    """Assert that the session ends by itself, in order, and that its reason has the words."""
    ad = session.wait_gone(150)
    assert (ad["JupyterState"], ad["ExitCode"]) == ("stopped", 0), ad["JupyterReason"]
    for word in ("the idle timeout is 30 s", *words):
        assert word in ad["JupyterReason"]
