"""Carry connections over the agent's own streams, where the access point's sshd forbids to forward them.

A connection to the socket of the tunnel is a request `dial` of the agent's, with the bytes in JSON lines. That is
slower than ssh's forward, but needs nothing that an sshd could forbid: one session, no forward.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
import secrets
import socket
from collections.abc import AsyncGenerator
from typing import Any, Protocol

_log = logging.getLogger(__name__)
#: Bytes that are carried at once.
_PIECE = 48 * 1024
#: The relays that are at work: nothing else refers to them.
_at_work: set[asyncio.Task[None]] = set()


class Link(Protocol):
    """What a relay needs of a connection to the agent."""

    def stream(self, do: str, **fields: Any) -> AsyncGenerator[dict[str, Any], None]:
        """Send a request and yield its answers."""
        ...

    async def tell(self, do: str, **fields: Any) -> None:
        """Send what has no answer, once there is room for it. Raises ConnectionError."""
        ...


async def open_relay(link: Link) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to the socket of the tunnel. It ends if the socket isn't there."""
    near, far = socket.socketpair()
    relay = asyncio.create_task(_relay(link, far))
    _at_work.add(relay)
    relay.add_done_callback(_at_work.discard)
    return await asyncio.open_connection(sock=near)


async def _relay(link: Link, far: socket.socket) -> None:
    """Carry what comes from either side to the other, until one of them ends."""
    reader, writer = await asyncio.open_connection(sock=far)
    key = secrets.token_hex(8)
    sending: asyncio.Task[None] | None = None
    try:
        async with contextlib.aclosing(link.stream("dial", key=key)) as answers:
            async for answer in answers:
                if "data" in answer and sending is None:  # it stands
                    sending = asyncio.create_task(_send(link, key, reader))
                elif "data" in answer:
                    writer.write(base64.b64decode(answer["data"]))
                    await writer.drain()
                    await link.tell("feed", key=key, taken=1)
                elif "error" in answer:
                    _log.debug("no connection through the agent: %s", answer["error"])
    except (OSError, binascii.Error, TypeError) as error:
        _log.debug("a connection through the agent has ended: %r", error)
    finally:
        if sending:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        writer.close()


async def _send(link: Link, key: str, reader: asyncio.StreamReader) -> None:
    try:
        while True:
            data = await reader.read(_PIECE)
            await link.tell("feed", key=key, data=base64.b64encode(data).decode())
            if not data:
                return
    except OSError as error:
        _log.debug("can't send through the agent any more: %r", error)
