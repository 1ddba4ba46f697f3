"""Which tests `ci/test` runs for the paths that it is given."""

import pytest

from testbed.verbs.test import POOL, UNIT, selected


@pytest.mark.parametrize(
    ("paths", "unit", "pool"),
    [
        (["tests/unit"], ["tests/unit"], []),
        (["tests/pool/test_x.py::test_y"], [], ["tests/pool/test_x.py::test_y"]),
        (["tests/browser", "tests/unit/test_a.py"], ["tests/unit/test_a.py"], ["tests/browser"]),
    ],
)
def test_paths_go_to_the_run_that_they_belong_to(paths, unit, pool):
    assert (selected(paths, UNIT), selected(paths, POOL)) == (unit, pool)


def test_without_paths_all_that_is_there_runs():
    assert selected([], UNIT) == ["tests/unit"]
