"""Debian packages that the machine itself needs."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
from typing import TYPE_CHECKING

from testbed.host import commands, errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: For the pool and the image: namespaces, mounts, links, and the Debian roots.
POOL = ("debian-archive-keyring", "iproute2", "mmdebstrap", "mount", "util-linux")


#: For the tests, beside those.
TESTS = ("chromium", "fonts-dejavu-core", "git", "openssh-client", "tmux")


def tests() -> list[str]:
    """Return what the tests need of this machine.

    Ubuntu's chromium is a snap, which wants a whole system: bring your own there.
    """
    system = platform.freedesktop_os_release().get("ID")
    packages = [package for package in TESTS if system == "debian" or package != "chromium"]
    return [*packages, *venv()]


def venv() -> list[str]:
    """Return what a Python environment needs of this machine."""
    return ["python3-venv"] if importlib.util.find_spec("ensurepip") is None else []


def missing(packages: Sequence[str]) -> list[str]:
    """Return those of ``packages`` that are not installed."""
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *packages]
    shown = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    installed = {line.split()[0] for line in shown.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


def ensure(packages: Sequence[str], *, log: Path) -> None:
    """Install what is missing of ``packages``; run no apt-get where nothing is."""
    wanted = missing(packages)
    if not wanted:
        return
    errors.say(f"installing {' '.join(wanted)}")
    for verb in (["update"], ["install", "--yes", "--no-install-recommends", *wanted]):
        _apt_get(verb, log)


def unpack(package: str, folder: Path, *, log: Path) -> None:
    """Put the files of a package below ``folder``; nothing of it is installed, and no service starts."""
    _apt_get(["update"], log)
    # As root: apt's own user may not write there.
    _apt_get(["download", "-o", "APT::Sandbox::User=root", package], log, folder)
    (archive,) = folder.glob(f"{package}_*.deb")
    extract = ["dpkg-deb", "--extract", str(archive), str(folder)]
    commands.run(extract, doing=f"unpacking {package}", log=log, timeout=300)
    archive.unlink()


def _apt_get(verb: Sequence[str], log: Path, folder: Path | None = None) -> None:
    commands.run(
        ["env", f"--chdir={folder or '/'}", "apt-get", "-o", "DPkg::Lock::Timeout=300", *verb],
        doing=f"apt-get {verb[0]}",
        log=log,
        timeout=900,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        contained=False,  # dpkg must not be killed half-way
    )
