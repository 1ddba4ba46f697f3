"""Sessions that several tests share, because they leave them as they found them."""

import pytest

from support.session import sessions

#: Fixtures that are sessions: the tests that share one run on one worker, one after another.
SHARED = ("ready_session", "session_as_nobody", "session_with_gpu", "shell")
#: What the pool's slot for jobs that run as nobody accepts; it is a small one.
NOBODY = ("My.WantNobody = true", "request_memory = 1GB", "request_disk = 1GB")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        for name in SHARED:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(name))


def _shared(pool, *lines):
    with sessions(pool) as new:
        session = new().submit("", *lines)
        session.ready(120)
        yield session


@pytest.fixture(scope="session")
def ready_session(pool):
    """Yield a session of the stock submit file that is ready."""
    yield from _shared(pool)


@pytest.fixture(scope="session")
def session_as_nobody(pool):
    """Yield a session that is ready and runs as nobody, who has no shell and no home."""
    yield from _shared(pool, *NOBODY)


@pytest.fixture(scope="session")
def session_with_gpu(pool):
    """Yield a session that is ready and has a GPU."""
    yield from _shared(pool, "request_gpus = 1", "gpus_minimum_memory = 1GB")
