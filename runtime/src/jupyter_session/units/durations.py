"""Durations as people write them (`90`, `90s`, `30m`, `1h30m`, `2d`, `never`), and times of day."""

from __future__ import annotations

import re
import time

NEVER = "never"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+|\d+(?:\.\d+)?", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)
#: Seconds that no duration reaches.
_TOO_LONG = 1e10


def parse_duration(text: str, *, positive: bool = False) -> float:
    """Return a duration in seconds; a bare number is in seconds.

    Raises ValueError if the text is not a duration, or if it is zero and must be `positive`.
    """
    word = text.strip().lower()
    if _DURATION.fullmatch(word):
        seconds = sum(float(number) * _UNITS[unit or "s"] for number, unit in _PART.findall(word))
        if seconds < _TOO_LONG and (seconds > 0 or not positive):
            return seconds
    raise ValueError(f"Invalid duration {text!r}. Use a value such as 90s, 30m, or 1h30m.")


def parse_timeout(text: str) -> float | None:
    """Return a duration in seconds, or None for `never`. Raises ValueError for anything else, and for 0."""
    return None if text.strip().lower() == NEVER else parse_duration(text, positive=True)


def format_duration(seconds: float) -> str:
    """Return seconds as a person would write them, in at most two units: `45 s`, `29 min`, `1 h 30 min`."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def format_time(epoch: float, now: float | None = None) -> str:
    """Return a time as a clock shows it: `15:18` if it is today, or with its date: `2026-11-30 15:18`."""
    moment, today = time.localtime(epoch), time.localtime(time.time() if now is None else now)
    return time.strftime("%H:%M" if moment[:3] == today[:3] else "%Y-%m-%d %H:%M", moment)
