"""The kinds of pools, besides the usual one: what a pool has that the sessions of many people meet elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from testbed.host import errors

FILES = Path(__file__).with_name("hosts") / "of_kind"
#: The usual pool.
USUAL = "usual"


@dataclass(frozen=True)
class Kind:
    """A kind of pool: `old` are its hosts with the HTCondor of Debian stable, `manager` has its central manager.

    With `pilot`, the execution point is a glidein: it runs as one user and without root, and each job's folder is
    below /srv in the container. What else there is to it are files in hosts/of_kind, below its name and those of
    `parts`, laid over those of the hosts.
    """

    name: str
    about: str
    old: frozenset[str] = frozenset()
    manager: str = "ap"
    pilot: bool = False
    parts: tuple[str, ...] = ()

    def list_files(self, host: str) -> list[Path]:
        """Return the folders with this kind's files of a host."""
        folders = [FILES / name / each for name in (*self.parts, self.name) for each in ("all", host)]
        return [path for path in folders if path.is_dir()]


_OLD_EP = frozenset(("ep1",))
KINDS = (
    Kind("ep-23.9", "an execution point with HTCondor 23.9", _OLD_EP),
    Kind("ap-23.9", "an access point with HTCondor 23.9, and a newer central manager", frozenset(("ap",)), "ep1"),
    Kind("manager-23.9", "an access point and a central manager with HTCondor 23.9", frozenset(("ap",))),
    Kind("pilot", "an execution point that is a glidein, as in the OSPool", pilot=True),
    Kind("no-chirp", "an execution point that forbids chirp"),
    Kind("no-chirp-io", "an execution point that forbids chirp to read and write files"),
    Kind("no-chirp-updates", "an execution point that forbids chirp to update the job ad"),
    Kind("no-pidns", "an execution point whose containers have no PID namespace"),
    Kind("shared-tmp", "an execution point whose jobs share /tmp and one account"),
    Kind(
        "ep-23.9-no-chirp",
        "an execution point with HTCondor 23.9 that forbids chirp",
        _OLD_EP,
        parts=("ep-23.9", "no-chirp"),
    ),
    Kind(
        "ep-23.9-no-pidns",
        "an execution point with HTCondor 23.9 whose containers have no PID namespace",
        _OLD_EP,
        parts=("ep-23.9", "no-pidns"),
    ),
    Kind(
        "ep-23.9-closed",
        "an execution point with HTCondor 23.9 where nobody can enter a container, as with a setuid Apptainer",
        _OLD_EP,
        parts=("ep-23.9",),
    ),
)


def find(name: str) -> Kind:
    """Return the kind with a name; raises UserError if there is none."""
    for kind in (Kind(USUAL, "the usual pool"), *KINDS):
        if kind.name == name:
            return kind
    raise errors.UserError(f"no kind of pool {name!r}: the kinds are {', '.join(kind.name for kind in KINDS)}.")
