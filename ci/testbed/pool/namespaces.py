"""Sandboxes: a process in namespaces of its own, over a Debian root that it cannot change."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.host import errors
from testbed.host.process import Process

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SCRIPT = Path(__file__).with_name("sandbox.sh")
#: PID 1 of a host: reaps orphans, and takes everything along when it is killed.
INIT = ("tini", "--", "sleep", "infinity")
#: The starters of sandboxes, which live as long as those: kept, so that Python does not warn of them.
_STARTERS: list[subprocess.Popen[bytes]] = []
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def sandbox(
    name: str,
    command: Sequence[str],
    *,
    pidfile: Path | str,
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
    keep: Sequence[int] = (),
    log: Path,
    timeout: float = 10,
) -> Process:
    """Start a sandbox that outlives this process; return its PID 1.

    It holds the file descriptors ``keep`` for its whole life. It names its pidfile relative to the
    folder that it is in, and so cannot write it once that folder has been removed (see `end_all`).
    """
    with log.open("wb") as output:
        starter = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=keep,
            cwd=pidfile.parent,
            env={"PATH": PATH, "LANG": "C.UTF-8"},
        )
    _STARTERS.append(starter)
    deadline = time.monotonic() + timeout
    while (process := Process.read(pidfile)) is None:
        if starter.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip() or "nothing"
            raise errors.UserError(f"a host did not start: {said!r} (namespaces and overlayfs are needed; {log}).")
        time.sleep(0.01)
    return process


def wait_for_root(process: Process, *, log: Path, timeout: float = 10) -> None:
    """Wait until a sandbox has become its own root and runs its command."""
    deadline = time.monotonic() + timeout
    while not _in_own_root(process.pid):
        if not process.alive() or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip() or "nothing"
            raise errors.UserError(f"a host did not start: {said!r} ({log}).")
        time.sleep(0.01)


def end_all(folder: Path) -> None:
    """Kill the sandboxes with a pidfile in ``folder``, and remove it with the files in it.

    A pidfile is removed only after its process has been killed: one that a sandbox writes while
    this runs is found on the next round, and one that comes too late finds no folder to lie in.
    """
    while folder.exists():
        for path in folder.iterdir():
            process = Process.read(path) if path.suffix == ".pid" else None
            if process and not process.kill():
                raise errors.UserError(f"process {process.pid} of {folder} does not end when killed.")
            path.unlink()
        with contextlib.suppress(OSError):  # not empty: once more
            folder.rmdir()


def entering(pid: int, kinds: str = "muinp") -> list[str]:
    """Return the words before a command that runs it in namespaces of ``pid``.

    ``kinds`` are nsenter's letters: mount, uts, ipc, network, pid.
    """
    return ["nsenter", "--target", str(pid), *(f"-{kind}" for kind in kinds), "--"]


def _in_own_root(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name == "tini"
    except OSError:
        return False
