"""A free TCP port on 127.0.0.1, away from the ports that the kernel hands out by itself."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from jupyter_session.errors import SessionError

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _HIGHEST = 16000, 31999


@dataclass(frozen=True)
class PortRange:
    """The ports from `low` to `high`, both included."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"


def parse_port_range(text: str) -> PortRange:
    """Turn `LO-HI` or a single port into a PortRange; ValueError with the reason for anything else."""
    low_text, dash, high_text = text.strip().partition("-")
    try:
        ports = PortRange(int(low_text), int(high_text if dash else low_text))
    except ValueError:
        raise ValueError(f"{text!r} is no port range: write it like 20000-20100") from None
    if ports.low > ports.high:
        raise ValueError(f"the port range {text!r} is upside down: write it as {ports.high}-{ports.low}")
    if not (ports.low >= 1024 and ports.high <= 65535):
        raise ValueError(f"the port range {text!r} must lie between 1024 and 65535")
    return ports


def default_port_range() -> PortRange:
    """Return ports below the kernel's ephemeral range.

    Inside that range a port that is polled before its server listens can connect to itself, and any program's
    outgoing connection can take it.
    """
    try:
        ephemeral_low = int(_EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        ephemeral_low = 32768
    if ephemeral_low < _LOWEST + 1000:  # a site that gave the kernel nearly all ports
        return PortRange(_LOWEST, _HIGHEST)
    return PortRange(_LOWEST, min(_HIGHEST, ephemeral_low - 1))


def is_free(port: int) -> bool:
    """Say whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Jupyter does: TIME_WAIT is no obstacle
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose_port(ports: PortRange, avoid: Collection[int] = ()) -> int:
    """Return a free port of `ports` at random, none of `avoid`; SessionError when there is none."""
    candidates = [port for port in range(ports.low, ports.high + 1) if port not in avoid]
    random.shuffle(candidates)
    for port in candidates:
        if is_free(port):
            return port
    raise SessionError(
        f"No free port on 127.0.0.1 in {ports}: give a wider --port-range, or wait until a session here has ended."
    )
