"""Check that the kernel allows what the pool needs: jobs run Apptainer as ordinary users."""

from __future__ import annotations

import subprocess
from pathlib import Path

from testbed.host.errors import UserError

#: Settings below /proc/sys that forbid user namespaces on some kernels: the value that does, and one that allows them.
FORBIDDING = {
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
    "kernel/unprivileged_userns_clone": ("0", "1"),
    "user/max_user_namespaces": ("0", "10000"),
}
FILE_SYSTEMS = ("overlay", "fuse")


def check(proc: Path = Path("/proc")) -> None:
    """Raise `UserError` if the kernel lacks or forbids something."""
    for setting, (forbids, permits) in FORBIDDING.items():
        file = proc / "sys" / setting
        if file.exists() and file.read_text().strip() == forbids:
            name = setting.replace("/", ".")
            raise UserError(
                f"this machine does not let ordinary users create user namespaces ({name} = {forbids}), which "
                f"Apptainer needs: allow them with `sysctl -w {name}={permits}`, and run this again."
            )
    for name in FILE_SYSTEMS:
        if not _has(proc, name):
            subprocess.run(["modprobe", name], capture_output=True, check=False)
        if not _has(proc, name):
            raise UserError(f"this machine's kernel has no {name} file system, which the pool needs.")


def _has(proc: Path, name: str) -> bool:
    return name in (proc / "filesystems").read_text().split()
