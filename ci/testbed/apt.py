"""Debian packages that the machine itself needs."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from testbed import commands, errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: For the pool and the image: namespaces, mounts, links, and the Debian roots.
POOL = ("debian-archive-keyring", "iproute2", "mmdebstrap", "mount", "util-linux")


def missing(packages: Sequence[str]) -> list[str]:
    """Return those of ``packages`` that are not installed."""
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *packages]
    shown = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    there = {name for name, _, state in map(_partition, shown.splitlines()) if state == "installed"}
    return [package for package in packages if package not in there]


def ensure(packages: Sequence[str], *, log: Path) -> None:
    """Install what is missing of ``packages``; run no apt-get where nothing is."""
    wanted = missing(packages)
    if not wanted:
        return
    errors.say(f"installing {' '.join(wanted)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    lock = ["-o", "DPkg::Lock::Timeout=300"]
    install = ["install", "--yes", "--no-install-recommends", *wanted]
    for verb in (["update"], install):
        commands.run(
            ["apt-get", *lock, *verb],
            doing=f"apt-get {verb[0]}",
            log=log,
            timeout=900,
            env=env,
        )


def _partition(line: str) -> tuple[str, str, str]:
    return line.partition(" ")
