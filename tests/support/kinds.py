"""Pools of other kinds than the usual one, with what every test of them needs."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator

from support.hosts import place_image
from testbed.pool import boot
from testbed.pool.pool import Pool


@contextlib.contextmanager
def pool_of(kind: str) -> Iterator[Pool]:
    """Bring up a pool of a kind for the duration of the block, with the image on its access point."""
    pool = Pool(f"kind-{secrets.token_hex(3)}")
    boot.up(pool, owner=os.getpid(), quick=True, kind=kind)
    try:
        place_image(pool)
        yield pool
    finally:
        boot.down(pool)
