"""What another user of a host can do and see."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

from testbed.pool.pool import Pool

#: Prints the names of the files that the caller can read and that contain the text on its standard input.
_FIND = (
    "IFS= read -r text; grep -rlsFI --devices=skip --exclude='*.sif' --exclude-dir=proc -e \"$text\" "
    "/home /tmp /var /srv /run /etc /dev/shm /var/lib/condor/execute/dir_*/scratch; "
    'for file in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do grep -lsaFe "$text" $file; done; true'
)


def as_user(pool: Pool, host: str, user: str, argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command on a host as a user; on the execution point those are slot users, who can't log in."""
    if host == "ep1" and user != "root":
        return pool.exec(host, ["setpriv", f"--reuid={user}", "--clear-groups", *argv], **options)
    return pool.exec(host, argv, user=user, **options)


def files_with(pool: Pool, host: str, user: str, text: str) -> list[str]:
    """Return the files that contain the text and that a user of a host can read."""
    return as_user(pool, host, user, ["bash", "-c", _FIND], input=f"{text}\n", check=True).stdout.split()
