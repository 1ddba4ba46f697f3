"""Programs see the job's cores, not the machine's."""

import pytest

from jupyter_session.jupyter.cores import set_cores


def test_cores_of_the_slot_are_set_where_the_job_sets_none():
    environ = {"POLARS_MAX_THREADS": "7"}
    set_cores(environ, 2)
    assert environ["PYTHON_CPU_COUNT"] == environ["LOKY_MAX_CPU_COUNT"] == environ["MC_CORES"] == "2"
    assert environ["POLARS_MAX_THREADS"] == "7"


@pytest.mark.parametrize(("cores", "set_to"), [(0.5, "1"), (3.0, "3"), (0, None), (None, None), ("two", None)])
def test_odd_numbers_of_cores(cores, set_to):
    environ = {}
    set_cores(environ, cores)
    assert environ.get("PYTHON_CPU_COUNT") == set_to
