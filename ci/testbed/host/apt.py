"""Debian packages that the machine itself needs."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.host import cache, commands, errors, locks

if TYPE_CHECKING:
    from collections.abc import Sequence

#: For the pool and the image: namespaces, mounts, links, and the Debian roots.
POOL = ("debian-archive-keyring", "iproute2", "mmdebstrap", "mount", "util-linux")
#: For the tests, beside those.
TESTS = ("btrfs-progs", "chromium", "fonts-dejavu-core", "git", "openssh-client", "tmux", "zstd")
#: What code-server is compiled by.
COMPILER = ("g++", "make")
#: For the slow tests, beside those of all.
SLOW_TESTS = ("firefox-esr", *COMPILER)
#: One apt-get at a time: of this process, of others of the test bed, and of bootstrap.sh, which names it too.
LOCK = Path("/run/jupyter-ci-apt.lock")
#: Seconds to wait for another program's apt-get, such as the system's own upgrades.
PATIENCE = 300
BUSY = re.compile(r"Unable to (?:acquire the dpkg frontend lock|lock (?:directory|the administration directory))")


def install_all(*more: str) -> None:
    """Install all that a verb needs of this machine, before anything of it runs side by side.

    That is what the pool and a Python environment need, and ``more``, such as `TESTS`.
    """
    packages = [*POOL, *(["python3-venv"] if importlib.util.find_spec("ensurepip") is None else []), *more]
    if platform.freedesktop_os_release().get("ID") != "debian":  # Ubuntu's is a snap: bring your own
        packages = [package for package in packages if package not in ("chromium", "firefox-esr")]
    ensure(packages, log=cache.log("apt"))


def missing(packages: Sequence[str]) -> list[str]:
    """Return those of ``packages`` that are not installed."""
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *packages]
    shown = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    installed = {line.split()[0] for line in shown.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


def ensure(packages: Sequence[str], *, log: Path) -> None:
    """Install what is missing of ``packages``; run no apt-get where nothing is."""
    if not missing(packages):
        return
    with locks.locked(LOCK):
        wanted = missing(packages)  # another process may have installed them while this one waited
        if wanted:
            errors.say(f"installing {' '.join(wanted)}")
            for verb in (["update"], ["install", "--yes", "--no-install-recommends", *wanted]):
                _apt_get(verb, log)


def unpack(package: str, folder: Path, *, log: Path) -> None:
    """Put the files of a package below ``folder``; nothing of it is installed, and no service starts."""
    with locks.locked(LOCK):
        _apt_get(["update"], log)
        # As root: apt's own user may not write there.
        _apt_get(["download", "-o", "APT::Sandbox::User=root", package], log, folder)
    (archive,) = folder.glob(f"{package}_*.deb")
    extract = ["dpkg-deb", "--extract", str(archive), str(folder)]
    commands.run(extract, doing=f"unpacking {package}", log=log, timeout=300)
    archive.unlink()


def _apt_get(verb: Sequence[str], log: Path, folder: Path | None = None) -> None:
    """Run apt-get; where another program's apt-get has its locks, wait for it and try again.

    apt-get itself waits for dpkg's locks alone (DPkg::Lock::Timeout), not for the one of its lists.
    """
    deadline = time.monotonic() + PATIENCE
    while (error := _try_apt_get(verb, log, folder)) is not None:
        if not BUSY.search(str(error)) or time.monotonic() > deadline:
            raise error
        time.sleep(1)


def _try_apt_get(verb: Sequence[str], log: Path, folder: Path | None) -> errors.UserError | None:
    try:
        commands.run(
            ["env", f"--chdir={folder or '/'}", "apt-get", "-o", f"DPkg::Lock::Timeout={PATIENCE}", *verb],
            doing=f"apt-get {verb[0]}",
            log=log,
            timeout=900,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            contained=False,  # dpkg must not be killed half-way
        )
    except errors.UserError as error:
        return error
    return None
