"""Asks the session's supervisor from within JupyterLab's event loop, which never waits long for it."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from jupyter_session.control.protocol import Message, decode, encode
from jupyter_session.errors import SessionError
from jupyter_session.state_dir import find_state_dir

_LOG = logging.getLogger(__name__)
#: Seconds for an answer. The supervisor answers in milliseconds, but for the moments in which it waits for JupyterLab.
PATIENCE = 5.0
_LONGEST = 1 << 22  # bytes of an answer
_SILENT = "The session's supervisor doesn't answer. JupyterLab works on, but nobody knows when the session ends."


async def ask_supervisor(verb: str, **details: Any) -> Message:
    """Send a request to the supervisor of the session that this process belongs to; return its first answer.

    Raises SessionError, in one sentence for the person in the browser, if it can't be reached, is silent, refuses, or
    sends what it never should.
    """
    path = str(find_state_dir(os.environ).control)
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_unix_connection(path, limit=_LONGEST)
            try:
                writer.write(encode({"verb": verb, **details}))
                line = await reader.readuntil()
            finally:
                writer.close()
        answer = decode(line)
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:  # TimeoutError is an OSError
        _LOG.debug("%s: %r", path, error)
        raise SessionError(_SILENT) from None
    if "error" in answer:
        raise SessionError(str(answer["error"]))
    return answer
