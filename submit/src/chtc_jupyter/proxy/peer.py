"""The user at the other end of a connection within this machine, where the system tells."""

from __future__ import annotations

import enum
import functools
import logging
import os
import platform
import socket
import struct

_log = logging.getLogger(__name__)
#: Of linux/netlink.h, linux/sock_diag.h, and linux/inet_diag.h.
_SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, _NETLINK_SOCK_DIAG = 20, 1, 4
_ANY_STATE, _NO_COOKIE = 0xFFFFFFFF, 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI")
_SOCKET = struct.Struct("!HH16s16s")
_REST = struct.Struct("=III")
#: Where the user and the inode are in the kernel's answer.
_USER = struct.Struct("=II")
_USER_AT = _HEADER.size + 4 + 48 + 12


class Peer(enum.Enum):
    """Who is at the other end of a connection: its user or root, or nobody can tell; somebody else; no process now."""

    OURS = "ours"
    OTHERS = "others"
    GONE = "gone"


def identify(connection: socket.socket) -> Peer:
    """Return who is at the other end. A socket that its process has closed already is nobody's."""
    if not can_tell():
        return Peer.OURS
    user = _find_user(connection)
    if user is None:
        return Peer.GONE
    return Peer.OURS if user in (0, os.getuid()) else Peer.OTHERS


@functools.cache
def can_tell() -> bool:
    """Return True if this system tells who is at the other end of a connection.

    Linux does (sock_diag(7)). A browser of Windows reaches WSL in ways that it doesn't see.
    """
    if platform.system() != "Linux" or "microsoft" in platform.release().lower():
        return False
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            accepted, _ = server.accept()
            with accepted:
                return _find_user(accepted) == os.getuid() and client.fileno() >= 0
    except OSError as error:
        _log.debug("Can't tell who connects: %s", error)
        return False


def _find_user(connection: socket.socket) -> int | None:
    """Return the user of the socket at the other end; None if there is none, or if no process has it any more."""
    here, there = connection.getsockname(), connection.getpeername()
    packed = [socket.inet_pton(connection.family, address[0]).ljust(16, b"\0") for address in (there, here)]
    body = (
        _REQUEST.pack(connection.family, socket.IPPROTO_TCP, 0, _ANY_STATE)
        + _SOCKET.pack(there[1], here[1], *packed)
        + _REST.pack(0, _NO_COOKIE, _NO_COOKIE)
    )
    head = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(head + body)
            answer = kernel.recv(8192)
    except OSError as error:
        _log.debug("The kernel doesn't say who connects: %s", error)
        return None
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY or len(answer) < _USER_AT + _USER.size:
        return None
    user, inode = _USER.unpack_from(answer, _USER_AT)
    return int(user) if inode else None
