"""Log in to the access point, with a person at hand."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from chtc_jupyter.errors import PortError
from chtc_jupyter.ssh import multiplexing, openssh
from chtc_jupyter.ssh.agent_client import HERE, AgentClient, LinkFailedError
from chtc_jupyter.terminal import Terminal


async def open_link(ap: str, terminal: Terminal, *, forward: bool = False) -> AgentClient:
    """Connect to the access point, a person at hand; raises LauncherError."""
    if ap != HERE:
        terminal.quiet()  # ssh may ask something
    for _ in range(3):
        with contextlib.suppress(_PortTakenError):
            return await _open(ap, forward=forward)
    raise PortError("No port of this machine could be had for ssh: try again.")


class _PortTakenError(Exception):
    """Another program was quicker."""


async def _open(ap: str, *, forward: bool) -> AgentClient:
    try:
        return await AgentClient.open(ap, forward=forward)
    except LinkFailedError as failed:
        if failed.failure.tries == "port":
            raise _PortTakenError from None
        raise failed.failure.error from None


@contextlib.asynccontextmanager
async def connected(ap: str, terminal: Terminal) -> AsyncIterator[AgentClient]:
    """Give a connection that ends with the block; raises CondorError where there is no HTCondor.

    It goes over that of a launcher which stays, where there is one.
    """
    link = await _joined(ap) or await open_link(ap, terminal)
    try:
        if not link.hello["condor"]:
            raise openssh.build_no_condor_error(ap)
        yield link
    finally:
        await link.close()


async def _joined(ap: str) -> AgentClient | None:
    share = "" if ap == HERE else multiplexing.find(ap)
    with contextlib.suppress(LinkFailedError):  # it ended just now, or is dead
        return await AgentClient.open(ap, share=share, batch=True, login=30) if share else None
    return None
