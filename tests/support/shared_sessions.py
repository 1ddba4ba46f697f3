"""Sessions that several tests share, because they leave them as they found them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.session import Session, sessions
from testbed.pool.pool import Pool

#: Fixtures that are sessions, or cost as much.
SHARED = ("ready_session", "session_as_nobody", "session_with_gpu", "shell", "starts")
#: What the pool's slot for jobs that run as nobody accepts; it is a small one.
NOBODY = ("My.WantNobody = true", "request_memory = 1GB", "request_disk = 1GB")


def share(item: pytest.Item) -> None:
    """Have the tests that share a session run on one worker, one after another."""
    for name in SHARED:
        if name in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(name))


#: The shared sessions that are there now.
_SESSIONS: list[Session] = []


def _shared(pool: Pool, *lines: str) -> Iterator[Session]:
    with sessions(pool) as new:
        session = new().submit("", *lines)
        session.ready(120)
        _SESSIONS.append(session)
        yield session
        _SESSIONS.remove(session)


@pytest.fixture(autouse=True)
def close_shared_tunnels() -> Iterator[None]:
    """Close the tunnels that a test leaves open into a shared session: the next one wants the same port."""
    yield
    for session in _SESSIONS:
        session.close_tunnels()


@pytest.fixture(scope="session")
def ready_session(pool: Pool) -> Iterator[Session]:
    """Yield a session of the stock submit file that is ready."""
    yield from _shared(pool)


@pytest.fixture(scope="session")
def session_as_nobody(pool: Pool) -> Iterator[Session]:
    """Yield a session that is ready and runs as nobody, who has no shell and no home."""
    yield from _shared(pool, *NOBODY)


@pytest.fixture(scope="session")
def session_with_gpu(pool: Pool) -> Iterator[Session]:
    """Yield a session that is ready and has a GPU."""
    yield from _shared(pool, "request_gpus = 1", "gpus_minimum_memory = 1GB")
