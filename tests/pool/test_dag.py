"""condor_submit_dag jupyter.dag: the session is as with the stock file, and nothing of it is left."""

from bed import URL, wait_for


def test_a_session_under_dagman_is_as_with_the_stock_file_and_leaves_nothing_behind(new_dag):
    dag = new_dag().submit_dag("--idle-timeout 30s").wait_session()
    ad = dag.ready()
    assert ad["JupyterURL"] == f"http://127.0.0.1:{ad['JupyterPort']}/lab"
    tunnel = dag.tunnel()
    assert URL.fullmatch(tunnel.url())[2] == dag.token()
    dag.save_notebook("kept.ipynb", "kept")
    dag.wait_told("ready")

    assert dag.wait_dag_gone() == 0
    diary = dag.wait_told("ready", "ended")
    assert f"condor_q {dag.job} -af JupyterConnect" in diary
    assert "the idle timeout is 30 s" in diary
    assert "kept.ipynb" in diary.splitlines()[1]
    assert dag.has_notebook("kept.ipynb", "kept")
    wait_for(lambda: not dag.left(), 30, f"nothing to be left: {dag.left()}")
