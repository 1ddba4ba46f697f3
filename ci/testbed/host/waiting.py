"""Wait for something, and say so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from testbed.host import errors

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def wait(look: Callable[[], T | None], seconds: float, what: str, advice: str) -> T:
    """Wait until ``look`` returns something other than None, with a word every ten seconds."""
    started = told = time.monotonic()
    while (found := look()) is None:
        now = time.monotonic()
        if now - started > seconds:
            raise errors.UserError(f"waited {seconds:.0f} s for {what}, in vain: {advice}.")
        if now - told > 10:
            errors.say(f"waiting for {what}: {now - started:.0f} s")
            told = now
        time.sleep(0.3)
    return found
