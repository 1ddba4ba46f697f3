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

from chtc_jupyter.ssh.agent import PIECE, PIECES

_log = logging.getLogger(__name__)
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
    """Carry what comes from either side to the other, until the one on the access point ends."""
    reader, writer = await asyncio.open_connection(sock=far)
    key, room, come = secrets.token_hex(8), asyncio.Semaphore(PIECES), asyncio.Queue[bytes]()
    carrying: list[asyncio.Task[None]] = []
    relay = asyncio.current_task()
    assert relay  # noqa: S101
    try:
        async with contextlib.aclosing(link.stream("dial", key=key)) as answers:
            async for answer in answers:
                if "data" in answer and not carrying:  # it stands
                    carrying.append(asyncio.create_task(_send(link, key, reader, room)))
                    carrying.append(asyncio.create_task(_receive(link, key, writer, come)))
                    carrying[1].add_done_callback(lambda done: _failed(done) and relay.cancel())
                elif "data" in answer:
                    come.put_nowait(base64.b64decode(answer["data"]))  # the agent sends no more than some pieces ahead
                elif "taken" in answer:
                    room.release()
                elif "error" in answer:
                    _log.debug("no connection through the agent: %s", answer["error"])
        if carrying:
            come.put_nowait(b"")
            await carrying[1]
    except (OSError, binascii.Error, TypeError) as error:
        _log.debug("a connection through the agent has ended: %r", error)
    finally:
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)
        writer.close()


def _failed(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is not None


async def _receive(link: Link, key: str, writer: asyncio.StreamWriter, come: asyncio.Queue[bytes]) -> None:
    """Pass on what has come, up to its end. Raises OSError if nobody wants it any more."""
    while data := await come.get():
        writer.write(data)
        await writer.drain()
        await link.tell("feed", key=key, taken=1)


async def _send(link: Link, key: str, reader: asyncio.StreamReader, room: asyncio.Semaphore) -> None:
    try:
        while True:
            data = await reader.read(PIECE)
            await room.acquire()
            await link.tell("feed", key=key, data=base64.b64encode(data).decode())
            if not data:
                return
    except OSError as error:
        _log.debug("can't send through the agent any more: %r", error)
