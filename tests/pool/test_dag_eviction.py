"""A session under DAGMan that is evicted goes on, as the same job, with its notebooks, and its user is told."""

import pytest

from support.waiting import wait_for


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_session_that_is_evicted_twice_runs_to_its_end_with_its_notebooks(new_dag):
    dag = new_dag().submit_dag().wait_session()
    for time in (1, 2, 3):
        wait_for(lambda: dag.states().count("ready") == time, 180, f"ready {time}")  # noqa: B023 - called here
        dag.save_notebook(f"kept-{time}.ipynb", "kept")
        if time < 3:
            dag.ap("condor_vacate_job", dag.job, check=True)
    dag.wait_told("ready", "ready", "ready")
    assert "again after an eviction" in dag.history().splitlines()[2]
    assert "kept-1.ipynb" in dag.request("/api/contents")
    dag.inside("jupyter-session", "stop")

    assert dag.wait_dag_gone() == 0
    assert [job.id for job in dag.jobs()] == [dag.job], "an eviction is HTCondor's business, and the job the same"
    assert all(dag.has_notebook(f"kept-{time}.ipynb", "kept") for time in (1, 2, 3))
    dag.wait_nothing_left()
