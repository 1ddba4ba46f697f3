"""What every test shares: the choice of the slow ones, the pool that is up, and sessions on it."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.dags import dags
from support.hosts import place_image, pool_of_its_own
from support.laptop import laptops
from support.session import sessions
from support.shared_sessions import (  # noqa: F401 - fixtures
    close_shared_tunnels,
    ready_session,
    session_as_nobody,
    session_with_gpu,
    share,
)
from testbed.host import waiting
from testbed.pool.pool import Pool

# No test asserts a time, hypothesis's own limits least: the machine may be busy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# New examples are for the run of all tests; the one that each change has to pass is the same each time.
settings.register_profile("repeatable", settings.get_profile("patient"), derandomize=True)

#: The seconds that each test took, and what a test that is not among them counts as.
DURATIONS = Path(__file__).with_name("durations.json")
UNKNOWN = 30


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="run the slow tests too")


def pytest_configure(config):
    settings.load_profile("patient" if config.getoption("--all") else "repeatable")


def pytest_itemcollected(item):
    share(item)


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--all"):
        skip = pytest.mark.skip(reason="slow: run by `ci/test --all`")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
    for item in items:
        limit = item.get_closest_marker("timeout")
        seconds = limit.args[0] if limit else float(config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(seconds * waiting.patience()), append=False)
    if "PYTEST_XDIST_WORKER" in os.environ:  # the longest first, so that none is left for the end
        known = json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {}
        items.sort(key=lambda item: -known.get(re.sub(r"@[\w ]+$", "", item.nodeid), UNKNOWN))


@pytest.fixture(scope="session")
def pool():
    """Return the pool that `ci/test` brought up (POOL names it)."""
    found = Pool.current()
    assert found.is_up(), f"the pool {found.name!r} is not up: POOL={found.name} ci/pool up"
    place_image(found)
    return found


@pytest.fixture
def own_pool():
    """Yield a pool that no other test uses."""
    with pool_of_its_own() as pool:
        yield pool


@pytest.fixture
def new_session(pool):
    """Yield a function that makes sessions, which all end with the test."""
    with sessions(pool) as new:
        yield new


@pytest.fixture
def new_dag(pool):
    """Yield a function that makes DAGs, which all end with the test."""
    with dags(pool) as new:
        yield new


@pytest.fixture
def new_laptop(pool):
    """Yield a function that makes users at the laptop, whose sessions all end with the test."""
    with laptops(pool) as new:
        yield new
