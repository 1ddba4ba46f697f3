"""Durations as people write them (`90s`, `30m`, `1h30m`, `2d`), and times of day."""

from __future__ import annotations

import re
import time

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WORD = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+|\d+(?:\.\d+)?", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


def parse_duration(text: str) -> float:
    """Turn `1h30m`, `90s` or a bare number of seconds into seconds; ValueError for anything else."""
    word = text.strip().lower()
    if not _WORD.fullmatch(word):
        raise ValueError(f"{text!r} is no duration: write it like 90s, 30m, 1h30m or 2d")
    return sum(float(number) * _UNITS[unit or "s"] for number, unit in _PART.findall(word))


def format_duration(seconds: float) -> str:
    """Write seconds as a person would, in at most two units: `29 min`, `1 h 30 min`, `45 s`."""
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
    """Return a time as the clock on the wall shows it: `15:18` today, otherwise with its day: `2026-11-30 15:18`."""
    moment, today = time.localtime(epoch), time.localtime(time.time() if now is None else now)
    same_day = moment[:3] == today[:3]
    return time.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M", moment)
