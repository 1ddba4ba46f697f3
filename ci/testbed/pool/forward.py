"""Join a port of this machine's loopback to a port of a host's.

The machine's side listens before it is handed, as an open socket, to a process in the host's network
and PID namespaces: that process ends with the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from testbed.pool import namespaces

if TYPE_CHECKING:
    from testbed.pool.pool import Pool

LOOPBACK = "127.0.0.1"


def start(pool: Pool, host: str, port: int) -> int:
    """Forward a port of this machine to ``port`` on ``host``; return it: the same one if free."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            listener.bind((LOOPBACK, 0))
        listener.listen(64)
        here: int = listener.getsockname()[1]
        module = [sys.executable, "-m", __name__, str(listener.fileno()), str(port)]
        with (pool.state / "forward.log").open("wb") as log:
            subprocess.Popen(
                namespaces.entering(pool.pid(host), "np") + module,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
    return here


async def serve(listener: socket.socket, port: int) -> None:
    """Relay each connection that ``listener`` gets to ``port`` of this namespace's loopback."""

    async def relay(near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(near_out):
            far, far_out = await asyncio.open_connection(LOOPBACK, port)
            with contextlib.closing(far_out):
                await asyncio.gather(_copy(near, far_out), _copy(far, near_out))

    server = await asyncio.start_server(relay, sock=listener)
    await server.serve_forever()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    target.write_eof()


if __name__ == "__main__":
    given, to = map(int, sys.argv[1:])
    asyncio.run(serve(socket.socket(fileno=given), to))
