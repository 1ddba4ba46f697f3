"""Kernels of a session: on sockets with short paths, and with the Python that pip installs for."""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.kernelmanager import ServerKernelManager
from traitlets import Unicode

from jupyter_session.jupyter.packages import Environment

_NUMBERS = itertools.count(1)
_INTERVAL = 0.05  # seconds


class SessionKernelManager(ServerKernelManager):
    """Puts a kernel's sockets into the folder `sockets`: /tmp/jsXXXXXX/N-1 and so on.

    jupyter_client's own paths, beside the connection file, have 86 bytes. Kernels that are based on xeus (xeus-python
    0.19 was tried) can't read more than 25 of their sockets' paths. `python` is the interpreter for kernels that only
    say `python`, for which jupyter_client takes its own.
    """

    sockets = Unicode(config=True)
    python = Unicode(config=True)

    def _ip_default(self) -> str:
        """Return what the paths of this kernel's sockets begin with; for the transport `ipc`, that is its `ip`."""
        if self.transport != "ipc" or not self.sockets:
            return str(super()._ip_default())
        folder = Path(self.sockets)
        # A server that has died may have left sockets here.
        return str(next(folder / str(number) for number in _NUMBERS if not any(folder.glob(f"{number}-*"))))

    async def start_kernel(self, *args: Any, **options: Any) -> Any:
        """Start the kernel once the packages of an earlier session are there: what it imports may be among them."""
        unpacking = Environment(Path(self.python).parent.parent).unpacking if self.python else None
        while unpacking and unpacking.exists():  # noqa: ASYNC110 - another process removes it
            await asyncio.sleep(_INTERVAL)
        return await super().start_kernel(*args, **options)

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """Return the command that starts the kernel."""
        command = list(super().format_kernel_cmd(extra_arguments))
        if self.python and command[:1] == [sys.executable]:
            command[0] = self.python
        return command
