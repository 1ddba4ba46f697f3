"""Sizes as people write them: `500KB`, `256MB`, `1.5GB`. A unit is a power of 1024, as in HTCondor's request_memory."""

from __future__ import annotations

import re

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.ASCII)


def parse_size(text: str) -> int:
    """Return a size in bytes; a bare number is in bytes. Raises ValueError if the text is not a size."""
    found = _SIZE.fullmatch(text.strip().upper())
    if not found:
        raise ValueError(f"Invalid size {text!r}. Use a value such as 500KB, 256MB, or 2GB.")
    return int(float(found[1]) * _UNITS[found[2]])


def format_size(count: float) -> str:
    """Return bytes as a person would write them: `512 B`, `1.4 MB`, `36 GB`."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"
