"""A pipeline: data is prepared, a session opened on it, and what its notebook wrote is worked on."""

import pytest

from support.dags import KEPT
from support.waiting import wait_for

EXECUTE = "cd notebooks && /opt/jupyter/bin/jupyter execute --inplace pipeline.ipynb && ls summary.json"


@pytest.fixture
def pipeline(new_dag):
    dag = new_dag()
    dag.dag = "pipeline.dag"
    return dag


def assert_nothing_left(dag):
    outputs = {"report.txt", "pipeline.log", "pipeline/prepare.err", "pipeline/report.err"}
    wait_for(lambda: set(dag.left()) <= outputs, 30, lambda: f"nothing to be left: {dag.left()}")
    assert KEPT.fullmatch("pipeline.dag.history")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_pipeline_goes_on_with_what_the_notebook_wrote_when_the_session_ends(pipeline):
    pipeline.submit_dag().wait_session().ready()
    assert (pipeline.file("notebooks/measurements.csv") or "").startswith("x,y")
    assert "summary.json" in pipeline.inside("sh", "-c", EXECUTE, timeout=120)
    pipeline.inside("jupyter-session", "stop")
    assert pipeline.wait_dag_gone() == 0
    assert pipeline.file("report.txt") == "y = 2.00 x + 1.13, from 100 measurements\n"
    assert pipeline.told() == ["ready", "ended"]
    assert_nothing_left(pipeline)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_pipeline_whose_notebook_wrote_nothing_says_so_and_can_be_submitted_again(pipeline):
    pipeline.submit_dag().wait_session().ready()
    pipeline.inside("jupyter-session", "stop")
    assert pipeline.wait_dag_gone() == 1
    assert "summary.json does not exist" in pipeline.wait_told("ready", "ended", "refused")
    assert not pipeline.jobs("report")
    assert_nothing_left(pipeline)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_removed_pipeline_stops_its_session_in_order_and_does_not_go_on(pipeline):
    pipeline.submit_dag().wait_session().ready()
    pipeline.save_notebook("kept.ipynb", "kept")
    pipeline.ap("condor_rm", pipeline.dag_job, check=True)
    assert pipeline.wait_dag_gone() is None
    assert pipeline.has_notebook("kept.ipynb", "kept")
    assert not pipeline.jobs("report")
    assert_nothing_left(pipeline)
