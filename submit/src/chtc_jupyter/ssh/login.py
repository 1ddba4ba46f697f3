"""Log in to the access point, with a person at hand."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator

from chtc_jupyter.errors import PortError
from chtc_jupyter.ssh import multiplexing, openssh
from chtc_jupyter.ssh.agent_client import HERE, AgentClient, LinkFailedError
from chtc_jupyter.terminal import Terminal

_log = logging.getLogger(__name__)


async def open_link(ap: str, terminal: Terminal, *, forward: bool = False) -> AgentClient:
    """Connect to the access point, with a person at hand. Raises LauncherError."""
    if ap != HERE:
        terminal.quiet()  # ssh may ask something
    for _ in range(3):
        with contextlib.suppress(_PortTakenError):
            return await _open(ap, forward=forward)
        _log.debug("the local port for ssh was taken meanwhile: trying another one")
    raise PortError("No local port was free for ssh. Try again.")


class _PortTakenError(Exception):
    """Another program was quicker."""


async def _open(ap: str, *, forward: bool) -> AgentClient:
    try:
        return await AgentClient.open(ap, forward=forward)
    except LinkFailedError as failed:
        if failed.failure.retry is openssh.Retry.ANOTHER_PORT:
            raise _PortTakenError from None
        raise failed.failure.error from None


@contextlib.asynccontextmanager
async def connected(ap: str, terminal: Terminal) -> AsyncIterator[AgentClient]:
    """Yield a connection that ends with the block. Raises CondorError if the access point has no HTCondor.

    The connection shares the login of a launcher that stays, if there is one.
    """
    link = await _join(ap) or await open_link(ap, terminal)
    try:
        if not link.hello["condor"]:
            raise openssh.build_no_condor_error(ap)
        yield link
    finally:
        await link.close()


async def _join(ap: str) -> AgentClient | None:
    share = "" if ap == HERE else multiplexing.find(ap)
    if not share:
        return None
    try:
        return await AgentClient.open(ap, share=share, batch=True, login=30)
    except LinkFailedError as failed:  # it ended just now, or is dead
        _log.debug("can't join the connection at %s: %s", share, failed)
        return None
