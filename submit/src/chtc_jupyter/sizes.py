"""Sizes as people read them: `512 B`, `1.4 MB`, `36 GB`. A unit is 1024 of the one before, as in request_disk."""

from __future__ import annotations


def format_size(count: float) -> str:
    """Return bytes as a person would write them."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"
