"""Durations as a person writes them: 90s, 30m, 1h30m, 2d."""

from __future__ import annotations

import re

from chtc_jupyter.errors import UsageError

_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> float:
    """Return a duration in seconds; raises UsageError where it is none, or nothing."""
    found = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if not re.fullmatch(rf"({_PART.pattern})+", text) or not 0 < found < 1e10:
        raise UsageError(f"{text!r} is no duration: write it like 90m, 12h or 7d.")
    return found
