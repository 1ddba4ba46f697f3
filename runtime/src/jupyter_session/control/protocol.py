"""The protocol of the control socket: a JSON object per line, a request from the client, then the session's status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

#: Bytes of the longest request.
MAX_REQUEST = 65536

Message = Mapping[str, Any]


def encode(message: Message) -> bytes:
    """Return a message as one line."""
    return json.dumps(message).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message of one line. Raises ValueError if it isn't a JSON object."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one error for all that a client may send
    return message
