"""What the pool needs of the kernel, and how to give it: jobs run Apptainer as ordinary users."""

from __future__ import annotations

import subprocess
from pathlib import Path

from testbed.host.errors import UserError

#: Settings below /proc/sys that would forbid user namespaces, where they are there at all:
#: the value that forbids, and one that permits.
FORBIDDING = {
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
    "kernel/unprivileged_userns_clone": ("0", "1"),
    "user/max_user_namespaces": ("0", "10000"),
}
FILE_SYSTEMS = ("overlay", "fuse")


def check(proc: Path = Path("/proc")) -> None:
    """Raise `UserError` where the kernel lacks or forbids something."""
    for setting, (forbids, permits) in FORBIDDING.items():
        file = proc / "sys" / setting
        if file.exists() and file.read_text().strip() == forbids:
            name = setting.replace("/", ".")
            raise UserError(
                f"this machine lets no ordinary user make user namespaces ({name} = {forbids}), which Apptainer "
                f"needs: permit it with sysctl -w {name}={permits}, then run it again."
            )
    for name in FILE_SYSTEMS:
        if not _has(proc, name):
            subprocess.run(["modprobe", name], capture_output=True, check=False)
        if not _has(proc, name):
            raise UserError(f"this machine's kernel has no {name} file system, which the pool's hosts need.")


def _has(proc: Path, name: str) -> bool:
    return name in (proc / "filesystems").read_text().split()
