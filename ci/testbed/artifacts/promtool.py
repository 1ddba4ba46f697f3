"""Prometheus's promtool, out of Debian's package: the server is not installed."""

from __future__ import annotations

import os
from pathlib import Path

from testbed.host import apt, cache


def get() -> Path:
    """Return the program, fetched if need be."""
    entry = cache.get("promtool", cache.key("debian"), _build, what="promtool", takes="10 s")
    os.close(entry.lock)
    return entry.path / "promtool"


def _build(partial: Path) -> None:
    log = cache.log("promtool")
    log.unlink(missing_ok=True)
    files = partial / "files"
    files.mkdir()
    apt.unpack("prometheus", files, log=log)
    (files / "usr/bin/promtool").rename(partial / "promtool")
    cache.remove(files)
