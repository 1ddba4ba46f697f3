"""How a session ends decides what its DAG does: what broke is started again, what its user ended is not."""

import pytest

from support.dags import DagSession
from support.waiting import wait_for

#: A start can take minutes where the machine is busy.
pytestmark = pytest.mark.timeout(900)

#: A setting with which a session can't start, and ends with exit status 1.
BROKEN = 'environment = "JUPYTER_SESSION_DIR=/srv/none"'


@pytest.mark.slow
def test_the_users_stop_is_an_end_and_no_failure_even_where_the_watcher_has_died(new_dag):
    dag = new_dag().submit_dag().wait_session()
    dag.ready()
    dag.pool.exec("ap", ["sh", "-c", f"kill -9 {dag.watcher()}"], check=True)
    wait_for(lambda: all(job.ended for job in dag.jobs("watch")), 30, "DAGMan's log to say so")
    dag.inside("jupyter-session", "stop")
    assert dag.wait_dag_gone() == 0
    assert len(dag.jobs()) == 1
    assert dag.told()[-1] == "ended"
    dag.wait_nothing_left()


@pytest.mark.slow
def test_a_session_that_its_user_removes_is_not_started_again_and_ends_the_dag(new_dag):
    dag = new_dag().submit_dag().wait_session()
    dag.ready()
    dag.save_notebook("kept.ipynb", "kept")
    dag.ap("condor_rm", dag.job, check=True)
    assert dag.wait_dag_gone() == 1
    assert len(dag.jobs()) == 1
    assert "removed: The session was removed by its user" in dag.history()
    assert dag.has_notebook("kept.ipynb", "kept")
    dag.wait_nothing_left()


@pytest.mark.slow
def test_a_session_that_breaks_is_started_again(new_dag):
    dag = new_dag().submit_dag().wait_session()
    dag.ready()
    dag.kill_supervisor()
    dag.wait_session(2).ready()
    assert dag.told()[:2] == ["ready", "failed"]
    assert "DAGMan retries it." in dag.history()
    dag.inside("jupyter-session", "stop")
    assert dag.wait_dag_gone() == 0
    dag.wait_nothing_left()


@pytest.mark.slow
def test_a_session_that_breaks_each_time_is_started_three_times_at_most(new_dag):
    dag = new_dag().submit_dag("", BROKEN)
    assert dag.wait_dag_gone() == 1
    assert len(dag.jobs()) == 3
    assert dag.told() == ["failed"] * 3
    assert "It will not be retried." in dag.history().splitlines()[2]
    dag.wait_nothing_left()


def test_a_wrong_setting_is_not_tried_again(new_dag):
    dag = new_dag().submit_dag("--idle-timeout soon")
    assert dag.wait_dag_gone() == 1
    assert len(dag.jobs()) == 1
    assert "Invalid duration 'soon'" in dag.wait_told("failed")
    dag.wait_nothing_left()


def test_a_held_job_is_told_of_with_the_next_step_and_goes_on_when_released(new_dag):
    dag = new_dag().submit_dag().wait_session()
    dag.ready()
    dag.ap("condor_hold", dag.job, check=True)
    history = dag.wait_told("ready", "held")
    assert f"run condor_release {dag.job} to let it continue" in history
    dag.ap("condor_release", dag.job, check=True)
    dag.wait_told("ready", "held", "ready")
    dag.inside("jupyter-session", "stop")
    assert dag.wait_dag_gone() == 0
    dag.wait_nothing_left()


@pytest.mark.slow
def test_what_a_rule_of_the_pool_removes_is_not_started_again(own_pool):
    rule = b'SYSTEM_PERIODIC_REMOVE = JobUniverse == 5 && JupyterState =?= "ready"\nPERIODIC_EXPR_INTERVAL = 5\n'
    own_pool.put("ap", "/etc/condor/config.d/70-rule", rule)
    own_pool.exec("ap", ["condor_reconfig"], check=True)
    dag = DagSession(own_pool).submit_dag()
    assert dag.wait_dag_gone() == 1
    assert len(dag.jobs()) == 1
    assert "SYSTEM_PERIODIC_REMOVE" in dag.history()
    assert dag.told()[-1] == "removed"
    assert dag.states()[-1:] != ["ready"]
    dag.wait_nothing_left()
