"""The pool's network: a bridge in a namespace of its own, and a link from it to each host.

The machine's own network gets no link and no address, so that pools stand side by side.
"""

from __future__ import annotations

import subprocess

from testbed.host import errors
from testbed.pool.namespaces import entering

BRIDGE = "switch"


def attach(switch: int, name: str, pid: int, address: str) -> None:
    """Link the host ``name``, with PID 1 ``pid``, to the bridge of ``switch``."""
    _ip(
        switch,
        f"link add {name} type veth peer name eth0 netns {pid}",
        f"link set {name} master {BRIDGE} up",
    )
    _ip(pid, f"addr add {address}/24 dev eth0", "link set lo up", "link set eth0 up")


def make_bridge(switch: int) -> None:
    """Make the bridge in the network namespace of the process ``switch``."""
    _ip(switch, f"link add {BRIDGE} type bridge", f"link set {BRIDGE} up")


def cut(switch: int, name: str) -> None:
    """Make the network of a host silent: its link stays up, and what it sends goes nowhere."""
    _ip(switch, f"link set {name} nomaster")


def heal(switch: int, name: str) -> None:
    """Undo `cut`."""
    _ip(switch, f"link set {name} master {BRIDGE}")


def is_cut(switch: int, name: str) -> bool:
    """Return whether a host is cut off."""
    shown = _in(switch, ["ip", "-oneline", "link", "show", "dev", name])
    return f"master {BRIDGE}" not in shown


def _ip(pid: int, *commands: str) -> None:
    _in(pid, ["ip", "-batch", "-"], "\n".join(commands))


def _in(pid: int, argv: list[str], text: str = "") -> str:
    done = subprocess.run(entering(pid, "n") + argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise errors.UserError(f"the pool's network: {' '.join(argv)} said {done.stderr.strip()!r}.")
    return done.stdout
