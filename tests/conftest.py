"""What every test shares: the choice of the slow ones."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="run the slow tests too")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--all"):
        skip = pytest.mark.skip(reason="slow: run by `ci/test --all`")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
