"""A free TCP port on 127.0.0.1, outside the range of the ephemeral ports."""

from __future__ import annotations

import logging
import random
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from jupyter_session.errors import SessionError

_LOG = logging.getLogger(__name__)
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: The TCP sockets of this network namespace, and the state of one that listens (proc_net_tcp in the kernel's manual).
_SOCKETS, _LISTEN = Path("/proc/net/tcp"), "0A"
_LOWEST, _HIGHEST = 16000, 31999


@dataclass(frozen=True)
class PortRange:
    """The ports from `low` to `high`, both included."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"


def parse_port_range(text: str) -> PortRange:
    """Return the range that `LO-HI` or a single port names. Raises ValueError with the reason if it is invalid."""
    low_text, dash, high_text = text.strip().partition("-")
    try:
        ports = PortRange(int(low_text), int(high_text if dash else low_text))
    except ValueError:
        raise ValueError(f"Invalid port range {text!r}. Use a value such as 20000-20100.") from None
    if ports.low > ports.high:
        raise ValueError(f"Port range {text!r} is reversed. Write it as {ports.high}-{ports.low}.")
    if not (ports.low >= 1024 and ports.high <= 65535):
        raise ValueError(f"Port range {text!r} is not allowed. Use ports from 1024 to 65535.")
    return ports


def default_port_range() -> PortRange:
    """Return ports below the kernel's ephemeral range.

    Inside that range, a connection to a port whose server doesn't listen yet can connect to itself, and any
    outgoing connection can take the port.
    """
    try:
        ephemeral_low = int(_EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        ephemeral_low = 32768
    if ephemeral_low < _LOWEST + 1000:  # a site where nearly all ports are ephemeral
        return PortRange(_LOWEST, _HIGHEST)
    return PortRange(_LOWEST, min(_HIGHEST, ephemeral_low - 1))


def is_free(port: int) -> bool:
    """Return True if a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Jupyter does: ignore TIME_WAIT
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def listens_on(pid: int, port: int) -> bool:
    """Return whether process `pid` itself listens on 127.0.0.1:`port`.

    Raises PermissionError if the kernel doesn't show the process's descriptors.
    """
    try:
        lines = [line.split() for line in _SOCKETS.read_text().splitlines()[1:]]
        found = {f"socket:[{line[9]}]" for line in lines if line[1] == f"0100007F:{port:04X}" and line[3] == _LISTEN}
        return any(_read_link(name) in found for name in Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        raise
    except (OSError, IndexError) as error:
        _LOG.debug("can't see what process %d listens on: %s", pid, error)
        return False


def _read_link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:  # closed meanwhile
        return ""


def choose_port(ports: PortRange, avoid: Collection[int] = ()) -> int:
    """Return a random free port of `ports` that is not in `avoid`. Raises SessionError if there is none."""
    candidates = [port for port in range(ports.low, ports.high + 1) if port not in avoid]
    random.shuffle(candidates)
    for port in candidates:
        if is_free(port):
            return port
    raise SessionError(
        f"No free port on 127.0.0.1 in {ports}. Use a wider --port-range, or wait until another session here has ended."
    )
