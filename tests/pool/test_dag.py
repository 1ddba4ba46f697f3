"""condor_submit_dag jupyter.dag: the session is as with the stock file, and nothing of it is left."""

import pytest

from support.tunnel import URL

#: A start can take minutes where the machine is busy.
pytestmark = pytest.mark.timeout(900)


def test_a_session_under_dagman_is_as_with_the_stock_file_and_leaves_nothing_behind(new_dag):
    dag = new_dag().submit_dag("--idle-timeout 30s").wait_session()
    ad = dag.ready()
    assert ad["JupyterURL"] == f"http://127.0.0.1:{ad['JupyterPort']}/lab"
    tunnel = dag.tunnel()
    assert URL.fullmatch(tunnel.url())[2] == dag.token()
    dag.save_notebook("kept.ipynb", "kept")
    dag.wait_told("ready")

    assert dag.wait_dag_gone() == 0
    history = dag.wait_told("ready", "ended")
    assert f"condor_q {dag.job} -af JupyterConnect" in history
    assert "the idle timeout is 30 s" in history
    assert "kept.ipynb" in history.splitlines()[1]
    assert dag.has_notebook("kept.ipynb", "kept")
    dag.wait_nothing_left()


def test_a_removed_dag_stops_its_session_in_order_with_the_notebooks_back(new_dag):
    dag = new_dag().submit_dag().wait_session()
    dag.ready()
    dag.save_notebook("kept.ipynb", "kept")
    assert not dag.has_notebook("kept.ipynb", "kept")
    dag.ap("condor_rm", dag.dag_job, check=True)

    assert dag.wait_dag_gone() is None
    assert dag.has_notebook("kept.ipynb", "kept")
    assert dag.states()[-1] == "stopped"
    assert dag.told()[-1] == "removed"
    assert dag.receipt()["job"] == dag.job
    dag.wait_nothing_left()


@pytest.mark.slow
def test_a_dag_that_is_removed_while_its_session_waits_leaves_nothing_behind(new_dag):
    dag = new_dag().submit_dag("", "requirements = false").wait_session()
    dag.ap("condor_rm", dag.dag_job, check=True)
    assert dag.wait_dag_gone() is None
    dag.wait_told("removed")
    dag.wait_nothing_left()
