"""How two programs of a user show each other that they know the secret of a launcher, without sending it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Statement:
    """What somebody (`who`) says at a port, in answer to a nonce.

    The port keeps whoever took another one from passing on to the launcher what it was told.
    """

    who: str
    port: int
    nonce: str
    text: str


def prove(secret: str, statement: Statement) -> str:
    """Return what only somebody who knows the secret can add to a statement."""
    words = "\0".join(map(str, astuple(statement)))
    return hmac.new(secret.encode(), words.encode(), hashlib.sha256).hexdigest()


def is_proof(given: str, secret: str, statement: Statement) -> bool:
    """Return True if `given` is what `prove` returns."""
    return hmac.compare_digest(given.encode(), prove(secret, statement).encode())
