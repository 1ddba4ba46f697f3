"""Bytes that processes send and receive over TCP, as the kernel counts them for each connection.

The counts come from NETLINK_SOCK_DIAG (https://man7.org/linux/man-pages/man7/sock_diag.7.html), which anyone may use.
The inode of a socket connects it to its process. Not visible: UDP (so QUIC), connections of a machine to itself, and
connections that began and ended between two looks.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import struct
from collections.abc import Iterable, Iterator

_LOG = logging.getLogger(__name__)
_SOCK_DIAG, _BY_FAMILY, _REQUEST_DUMP = 4, 20, 0x301
_ERROR, _DONE = 2, 3
_INFO = 2  # INET_DIAG_INFO: struct tcp_info
_OPEN = sum(1 << state for state in (1, 4, 5, 8))  # established, both kinds of FIN_WAIT, CLOSE_WAIT
_COUNTS = 120  # offset of bytes_acked and bytes_received in struct tcp_info
_TIMEOUT = 1.0


class NetBytes:
    """Knows how much each connection has moved. If the kernel refuses to answer, nothing has moved."""

    def __init__(self) -> None:
        self._looked: float | None = None
        self._is_refused = False
        self._seconds = 0.0
        self._totals: dict[int, int] = {}
        self._moved: dict[int, int] = {}

    def rate(self, pids: Iterable[int], now: float) -> float:
        """Return the bytes/s of these processes since the last look at the kernel, at most once for each `now`.

        What a connection moved before the first look is left out; a later connection counts from its beginning.
        """
        inodes = set(_list_socket_inodes(pids))
        if not inodes:
            return 0.0
        self._look(now)
        return sum(self._moved.get(inode, 0) for inode in inodes) / self._seconds if self._seconds > 0 else 0.0

    def _look(self, now: float) -> None:
        if now == self._looked:
            return
        totals: dict[int, int] = {}
        try:
            totals = dict(_list_connections())
            self._is_refused = False
        except (OSError, struct.error) as error:
            if not self._is_refused:
                _LOG.debug("the kernel doesn't list connections: %s", error)
            self._is_refused = True
        known = self._totals if self._looked is not None else totals
        self._moved = {inode: total - known.get(inode, 0) for inode, total in totals.items()}
        self._seconds = now - self._looked if self._looked is not None else 0.0
        self._totals, self._looked = totals, now


def _list_socket_inodes(pids: Iterable[int]) -> Iterator[int]:
    for pid in pids:
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - a hundred of them, every turn
                if (inode := _read_socket_inode(f"/proc/{pid}/fd/{name}")) is not None:
                    yield inode
        except OSError as error:  # noqa: PERF203 - ended meanwhile
            _LOG.debug("can't list the files of a process: %s", error)


def _read_socket_inode(descriptor: str) -> int | None:
    try:
        target = os.readlink(descriptor)  # noqa: PTH115 - a hundred of them, every turn
    except OSError as error:  # closed meanwhile
        _LOG.debug("can't read a file descriptor: %s", error)
        return None
    return int(target[8:-1]) if target.startswith("socket:[") else None


def _list_connections() -> Iterator[tuple[int, int]]:
    """Yield (inode, bytes moved) of each open TCP connection to another machine. Raises OSError if refused."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as kernel:
        kernel.settimeout(_TIMEOUT)
        for family in (socket.AF_INET, socket.AF_INET6):
            request = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 1 << (_INFO - 1), _OPEN)
            kernel.send(struct.pack("=IHHII", 16 + len(request), _BY_FAMILY, _REQUEST_DUMP, family, 0) + request)
            yield from _read_answer(kernel)


def _read_answer(kernel: socket.socket) -> Iterator[tuple[int, int]]:
    while True:
        data = kernel.recv(1 << 18)
        at = 0
        while at + 16 <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if kind == _DONE:
                return
            if kind == _ERROR:
                raise OSError(-struct.unpack_from("=i", data, at + 16)[0], "the kernel refused")
            if found := _parse_connection(data[at + 16 : at + length]):
                yield found
            at += (length + 3) & ~3


def _parse_connection(message: bytes) -> tuple[int, int] | None:
    """Parse a struct inet_diag_msg and its attributes: return the inode and the bytes, or None if not counted."""
    size = 4 if message[0] == socket.AF_INET else 16
    if _is_loopback(message[8 : 8 + size]) and _is_loopback(message[24 : 24 + size]):
        return None
    (inode,) = struct.unpack_from("=I", message, 68)
    at = 72
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if kind == _INFO and length >= 4 + _COUNTS + 16:
            return inode, sum(struct.unpack_from("=QQ", message, at + 4 + _COUNTS))
        at += (max(length, 4) + 3) & ~3
    return None


def _is_loopback(address: bytes) -> bool:
    found = ipaddress.ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
