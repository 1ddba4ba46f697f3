"""Connect to the access point again after a connection was lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.agent_client import AgentClient, LinkFailedError
from chtc_jupyter.ssh.failures import Retry

_log = logging.getLogger(__name__)
#: Seconds for a login that asks for nothing, and for a person who has just said that they will log in.
_QUIET_LOGIN, _LOGIN = 60, 300


async def reconnect(
    ap: str, show: Callable[[str, bool], None], wait_for_person: Callable[[str], Awaitable[bool]]
) -> AgentClient:
    """Connect again, as often as it takes; as soon as a login may need the user, only after they said so.

    `show` is told why a try failed, and whether the user must log in. `wait_for_person` returns False if the user can't
    be asked.
    """
    attempt, retry, batch, alone = 0, Retry.SOON, True, False
    while True:
        await asyncio.sleep(openssh.get_retry_delay(retry, attempt))
        try:
            return await AgentClient.open(
                ap,
                forward=True,
                batch=batch,
                patience=openssh.get_connect_timeout(retry),
                login=_QUIET_LOGIN if batch else _LOGIN,
                alone=alone,
            )
        except LinkFailedError as failed:
            _log.debug("Attempt %d to connect again failed: %s", attempt, failed)
            failure = failed.failure
        attempt = attempt + 1 if failure.retry is retry else 1
        retry, batch = failure.retry, True
        if failure.at_hop and not alone:  # perhaps at a connection of a host on the way that died with ours
            attempt, retry, alone = 1, Retry.LATER, True
            continue
        asks = retry in (Retry.AFTER_LOGIN, Retry.NEVER)
        show(str(failure.error), asks)
        if asks:
            batch = not await wait_for_person(failure.wants or str(failure.error))
            attempt = 0
