"""Wait for a condition, for as long as the load of the machine makes reasonable."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from testbed.host.waiting import patience

__all__ = ["assert_never", "let_pass", "milliseconds", "patience", "wait_for"]

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float, what: str | Callable[[], str], every: float = 0.3) -> T:
    """Return the first true value of `condition`.

    Raises AssertionError if there is none within `seconds` (more under load, see `patience`). `what` describes the
    condition; a function is called only if the wait fails, so that it can show what there is then.
    """
    started = time.monotonic()
    while not (value := condition()):
        if (waited := time.monotonic() - started) > seconds * patience():
            raise AssertionError(f"waited {waited:.0f} s in vain for {what if isinstance(what, str) else what()}")
        time.sleep(every)
    return value


def milliseconds(seconds: float) -> float:
    """Return a time limit as Playwright takes it, longer under load."""
    return seconds * 1000 * patience()


def let_pass(seconds: float) -> None:
    """Let a time pass that itself is what the test is about, such as a time limit that must not apply."""
    time.sleep(max(0.0, seconds))


def assert_never(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Raise AssertionError if `condition` becomes true within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert not condition(), what
        time.sleep(0.3)
