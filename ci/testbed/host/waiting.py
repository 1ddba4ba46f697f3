"""Wait for a condition, longer on a loaded machine, and report progress."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, TypeVar

from testbed.host import errors

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
#: Seconds between two reports of progress.
REPORT = 10


def patience() -> float:
    """Return by what factor waits may last longer than on an idle machine.

    ``TEST_PATIENCE`` is the least; the load of the machine may make it more.
    """
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return max(float(os.environ.get("TEST_PATIENCE", "1")), min(load, 6))


def wait(look: Callable[[], T | None], seconds: float, what: str, advice: str) -> T:
    """Wait until ``look`` returns something other than None; report progress every ten seconds."""
    started = told = time.monotonic()
    while (found := look()) is None:
        now = time.monotonic()
        if now - started > seconds * patience():
            raise errors.UserError(f"waited {now - started:.0f} s in vain for {what}: {advice}.")
        if now - told > REPORT:
            errors.say(f"waiting for {what}: {now - started:.0f} s")
            told = now
        time.sleep(0.3)
    return found
