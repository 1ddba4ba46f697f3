"""Sandboxes: a process in namespaces of its own, over a Debian root that it cannot change."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from testbed import errors
from testbed.process import Process

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SCRIPT = Path(__file__).with_name("sandbox.sh")
#: PID 1 of a host: reaps orphans, and takes everything along when it is killed.
INIT = ("tini", "--", "sleep", "infinity")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def sandbox(
    name: str,
    command: Sequence[str],
    *,
    pidfile: Path,
    root: Path,
    scratch: Path,
    binds: Iterable[tuple[Path, str]] = (),
    network: bool = True,
) -> list[str]:
    """Return the command that runs ``command`` as PID 1 of a new sandbox.

    ``binds`` are pairs of a path of the machine and where it appears inside; ``network=False``
    leaves the sandbox in the caller's network.
    """
    return [
        *("unshare", "--mount", "--pid", "--uts", "--ipc", "--fork"),
        *(["--net"] if network else []),
        *("sh", str(SCRIPT), str(pidfile), name, str(root), str(scratch)),
        *(f"{source}:{target}" for source, target in binds),
        "--",
        *command,
    ]


def start(
    argv: Sequence[str],
    *,
    pidfile: Path,
    lock: int,
    keep: Sequence[int] = (),
    log: Path,
    timeout: float = 10,
) -> Process:
    """Start a sandbox that outlives this process; return its PID 1.

    It holds the file descriptor ``lock`` until ``pidfile`` is written, and those in ``keep`` for
    its whole life: whoever gets the lock next finds the pidfile, however this process ended.
    """
    with log.open("wb") as output:
        starter = subprocess.Popen(
            argv,
            stdin=lock,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=keep,
            cwd="/",
            env={"PATH": PATH, "LANG": "C.UTF-8"},
        )
    deadline = time.monotonic() + timeout
    while (process := Process.read(pidfile)) is None:
        if starter.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip() or "nothing"
            raise errors.Problem(
                f"a host did not start: {said!r} (namespaces and overlayfs are needed; {log})."
            )
        time.sleep(0.01)
    return process


def wait_for_root(process: Process, *, log: Path, timeout: float = 10) -> None:
    """Wait until a sandbox has become its own root and runs its command."""
    deadline = time.monotonic() + timeout
    while not _in_own_root(process.pid):
        if not process.alive() or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip() or "nothing"
            raise errors.Problem(f"a host did not start: {said!r} ({log}).")
        time.sleep(0.01)


def entering(pid: int, kinds: str = "muinp") -> list[str]:
    """Return the words before a command that runs it in namespaces of ``pid``.

    ``kinds`` are nsenter's letters: mount, uts, ipc, network, pid.
    """
    return ["nsenter", "--target", str(pid), *(f"-{kind}" for kind in kinds), "--"]


def _in_own_root(pid: int) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/exe").endswith("/tini")
    except OSError:
        return False
