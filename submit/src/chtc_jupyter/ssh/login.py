"""Log in to the access point, with a person at hand."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
from collections.abc import AsyncIterator
from typing import Any

from chtc_jupyter.errors import DiskError, LoginError, PythonError
from chtc_jupyter.ssh import multiplexing, openssh
from chtc_jupyter.ssh.agent_client import HERE, AgentClient, LinkFailedError
from chtc_jupyter.ssh.failures import Retry
from chtc_jupyter.ssh.route import find_route
from chtc_jupyter.terminal import Terminal

_log = logging.getLogger(__name__)


#: Seconds in which a connection that is open already must answer, or it is taken for dead.
_SHARED = 6
_DEAD = "The open connection to {ap} doesn't answer. Opening a new one."
#: Seconds in which a new connection must be made, and in which it must after an open one was dead.
_ALONE, _AGAIN = 15, 10
#: Seconds for a host on the way that is asked for nothing.
_QUIET = 5
#: What a connection that is shared may fail with so that a new one is no better.
_FINAL = (PythonError, DiskError)


async def open_link(ap: str, terminal: Terminal, *, forward: bool = False, alone: bool = False) -> AgentClient:
    """Connect to the access point, with a person at hand. Raises LauncherError.

    With `alone`, hosts on the way share no connection that is there.
    """
    if ap == HERE:
        return await _open(ap)
    terminal.quiet()  # ssh may ask something
    route = await find_route(ap)
    if not alone and route.has_hops and route.can_be_led():
        # What can be had without a question is tried first: a host on the way may share a connection that is dead.
        try:
            return await AgentClient.open(ap, forward=forward, batch=True, patience=_QUIET, on_wait=terminal.say)
        except LinkFailedError as failed:
            _log.debug("no way without a question: %s", failed)
            if not isinstance(failed.failure.error, LoginError) and not failed.failure.stuck:
                raise failed.failure.error from None
            alone = failed.failure.stuck
        terminal.quiet()
    patience = _AGAIN if alone else _ALONE
    return await _open(ap, forward=forward, alone=alone, patience=patience, on_wait=terminal.say)


async def _open(ap: str, **options: Any) -> AgentClient:
    try:
        return await AgentClient.open(ap, **options)
    except LinkFailedError as failed:
        raise failed.failure.error from None


@contextlib.asynccontextmanager
async def connected(ap: str, terminal: Terminal) -> AsyncIterator[AgentClient]:
    """Yield a connection that ends with the block. Raises CondorError if the access point has no HTCondor.

    The connection shares the login of a launcher that stays, if there is one.
    """
    link, dead = await _join(ap, terminal)
    link = link or await open_link(ap, terminal, alone=dead)
    try:
        if not link.hello["condor"]:
            raise openssh.build_no_condor_error(ap, link.hello["looked"])
        yield link
    finally:
        await link.close()


async def _join(ap: str, terminal: Terminal) -> tuple[AgentClient | None, bool]:
    """Return a connection over one that is open, if there is any, and whether one that is open is dead."""
    if ap == HERE:
        return None, False
    share = multiplexing.find(ap) or ("" if (await find_route(ap)).shared else "none")
    if share == "none":
        return None, False
    options: dict[str, Any] = {"share": share, "batch": True, "on_wait": terminal.say}
    try:
        try:
            return await AgentClient.open(ap, login=_SHARED, **options), False
        except LinkFailedError as failed:
            if not failed.failure.stuck or not await asyncio.to_thread(_is_alive, ap, share):
                raise
            # Only the login shell is slow.
            return await AgentClient.open(ap, alive=True, **options), False
    except LinkFailedError as failed:
        _log.debug("can't join the connection that is open: %s", failed)
        if isinstance(failed.failure.error, _FINAL) or failed.failure.retry is Retry.NEVER:
            raise failed.failure.error from None
        if failed.failure.stuck:
            terminal.say(_DEAD.format(ap=ap))
        return None, failed.failure.stuck


def _is_alive(ap: str, share: str) -> bool:
    """Return whether the access point answers over a connection that is open."""
    argv = openssh.build_probe_command(openssh.build_command(ap, "", share=share, batch=True))
    try:
        subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SHARED, check=False)
    except subprocess.TimeoutExpired:
        return False
    return True


def choose_share(ap: str) -> str:
    """Return the open connection for a command of ssh's own, as `openssh.build_command` takes it, after trying it."""
    share = multiplexing.find(ap) or ("" if asyncio.run(find_route(ap)).shared else "none")
    if share == "none":
        return share
    if not _is_alive(ap, share):
        Terminal().say(_DEAD.format(ap=ap))
        return "none"
    return share
