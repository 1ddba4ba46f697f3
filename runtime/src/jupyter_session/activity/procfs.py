"""The kernel's own table of processes, read from /proc.

psutil has neither the session nor the foreground group of a process, and reads several files for what is in one.
https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: A process ID and its start time: together they identify a process forever.
ProcessId = tuple[int, int]

_LOG = logging.getLogger(__name__)
_TICKS = os.sysconf("SC_CLK_TCK")
_PIECE = 1 << 14  # bytes


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process as it was when it was read. Times are seconds of CPU, `disk` is bytes.

    `started` is in clock ticks since the boot. `tty` is the number of the controlling terminal, 0 for none, and
    `foreground` the process group that reads from it. `own` is the time that the process itself used; `total` and
    `disk` include its children that have ended and been waited for.
    """

    pid: int
    started: int
    parent: int
    uid: int
    group: int
    session: int
    tty: int
    foreground: int
    name: str
    argv: tuple[str, ...]
    own: float
    total: float
    disk: int

    @property
    def id(self) -> ProcessId:
        """What identifies it forever, although process IDs are used again."""
        return self.pid, self.started


def read_processes(proc: Path = Path("/proc")) -> Iterator[Process]:
    """Yield every visible process."""
    with os.scandir(proc) as entries:
        for entry in entries:
            if entry.name.isdigit():
                try:
                    process = _read(entry.path, int(entry.name), entry.stat().st_uid)
                except OSError as error:  # it has just ended
                    _LOG.debug("can't read a process: %s", error)
                    continue
                yield process


def find_mounts(pid: int) -> str:
    """Return the mount namespace of a process; "" if this user may not know it."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")  # noqa: PTH115 - Path.readlink makes a path of what is none
    except OSError as error:
        _LOG.debug("can't look at the mounts of a process: %s", error)
        return ""


def find_last_input(process: Process) -> float | None:
    """Return when a program last read from the controlling terminal of `process`, in epoch seconds, in steps of 8.

    The kernel updates the access time of a terminal when something typed is read, and the modification time when
    something is printed (tty_update_time). The open file comes first: a terminal may be of another devpts than ours.
    """
    for path in (f"/proc/{process.pid}/fd/0", f"/dev/pts/{_minor(process.tty)}"):
        try:
            about = os.stat(path)  # noqa: PTH116 - Path.stat is the same, twice as slow
        except OSError as error:
            _LOG.debug("can't look at a terminal: %s", error)
            continue
        if about.st_rdev == os.makedev(_major(process.tty), _minor(process.tty)):
            return about.st_atime
    return None


def _major(tty: int) -> int:
    return (tty >> 8) & 0xFFF


def _minor(tty: int) -> int:
    return (tty & 0xFF) | ((tty >> 12) & 0xFFF00)


def read_file(path: str) -> bytes:
    """Return the content of a file of the kernel's. `Path.read_bytes` takes twice as long, all session long."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = piece = os.read(file, _PIECE)
        while piece:
            piece = os.read(file, _PIECE)
            data += piece
    finally:
        os.close(file)
    return data


def _read(folder: str, pid: int, uid: int) -> Process:
    stat = read_file(f"{folder}/stat")
    fields = stat[stat.rindex(b")") + 2 :].split()
    own = int(fields[11]) + int(fields[12])
    return Process(
        pid=pid,
        started=int(fields[19]),
        parent=int(fields[1]),
        uid=uid,
        group=int(fields[2]),
        session=int(fields[3]),
        tty=int(fields[4]),
        foreground=int(fields[5]),
        name=stat[stat.index(b"(") + 1 : stat.rindex(b")")].decode(errors="replace"),
        argv=tuple(read_file(f"{folder}/cmdline").decode(errors="replace").rstrip("\0").split("\0")),
        own=own / _TICKS,
        total=(own + int(fields[13]) + int(fields[14])) / _TICKS,
        disk=_disk(folder),
    )


def _disk(folder: str) -> int:
    try:
        lines = dict(line.split(b": ") for line in read_file(f"{folder}/io").splitlines())
    except (OSError, ValueError):  # another user's
        return 0
    return int(lines[b"read_bytes"]) + int(lines[b"write_bytes"])
