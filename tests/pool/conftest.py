"""The pool that is up, and sessions on it."""

import pytest
from testbed.pool import Pool

from bed import place_image, sessions


@pytest.fixture(scope="session")
def pool():
    """Give the pool that `ci/test` brought up (POOL names it)."""
    found = Pool.current()
    assert found.is_up(), f"the pool {found.name!r} is not up: POOL={found.name} ci/pool up"
    place_image(found)
    return found


@pytest.fixture
def new_session(pool):
    """Give a maker of sessions, which all end with the test."""
    with sessions(pool) as new:
        yield new
