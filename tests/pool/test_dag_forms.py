"""A session in the ways in which DAGs are put together: splices, sub-DAGs, variables, descriptions in the DAG (R27)."""

import re

import pytest

#: A start can take minutes where the machine is busy.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

#: A step after the session, which leaves a file.
CLEAN = 'executable = /bin/cp\narguments = "../notebooks/kept.ipynb copy"\nuniverse = local\nqueue\n'
SPLICE = """
SPLICE lab session.dag
JOB clean clean.sub DIR tidy
PARENT lab CHILD clean
SERVICE watch dag/watch.sub
FINAL end dag/watch.sub NOOP
SCRIPT PRE end dag/final.py jupyter.sub lab+session $DAG_STATUS $FAILED_COUNT
"""
VARS = """
JOB worms lab.sub
VARS worms project="worms" mem="1500MB"
SCRIPT PRE worms dag/pre.py lab.sub $JOB
SCRIPT POST worms dag/post.py lab.sub $JOBID $RETURN $RETRY $MAX_RETRIES
JOB cells lab.sub
VARS cells project="cells" mem="1500MB"
SCRIPT PRE cells dag/pre.py lab.sub $JOB
"""
LINES = """
    container_image = jupyter.sif
    transfer_input_files = notebooks
    transfer_output_files = notebooks
    when_to_transfer_output = ON_EXIT_OR_EVICT
    My.SpoolOnEvict = false
    should_transfer_files = yes
    want_io_proxy = true
    request_disk = 2GB
"""
INLINE = f"""
SUBMIT-DESCRIPTION lab {{{LINES}    request_memory = 1500MB
}}
JOB session lab
SCRIPT PRE session dag/pre.py lab
SCRIPT POST session dag/post.py lab $JOBID $RETURN $RETRY $MAX_RETRIES
"""


def stop(dag):
    dag.inside("jupyter-session", "stop")
    return dag.wait_dag_gone()


def test_a_session_in_a_splice_is_a_step_of_its_workflow(new_dag):
    dag = new_dag()
    dag.dag, dag.node = "outer.dag", "lab+session"
    dag.put("outer.dag", SPLICE)
    dag.put("tidy/clean.sub", CLEAN)
    dag.submit_dag().wait_session().ready()
    dag.save_notebook("kept.ipynb", "kept")
    dag.wait_told("ready")
    assert stop(dag) == 0
    history = dag.wait_told("ready", "ended")
    assert "kept.ipynb" in history.splitlines()[1]
    assert "kept" in dag.file("tidy/copy")


def test_a_session_in_a_sub_dag_ends_in_order_with_the_outer_dag(new_dag):
    dag = new_dag()
    dag.put("outer.dag", "SUBDAG EXTERNAL lab jupyter.dag\n")
    dag.put_submit_file("")
    said = dag.ap("condor_submit_dag", "outer.dag", check=True).stdout
    dag.dag_job = re.search(r"submitted to cluster (\d+)", said)[1]
    dag.wait_session().ready()
    dag.save_notebook("kept.ipynb", "kept")
    dag.ap("condor_rm", dag.dag_job, check=True)
    dag.wait_told("ready", "removed")
    assert dag.wait_dag_gone() is None
    assert dag.has_notebook("kept.ipynb", "kept")
    assert dag.receipt()["job"] == dag.job


def test_one_submit_file_serves_several_folders_that_the_dag_names(new_dag):
    dag = new_dag()
    dag.dag, dag.node = "vars.dag", "worms"
    dag.put("vars.dag", VARS)
    lines = LINES.replace("jupyter.sif", f"{dag.folder}/jupyter.sif")
    dag.put("lab.sub", f"{lines}initialdir = $(project)\nrequest_memory = $(mem)\nlog = $(project).log\nqueue\n")
    dag.put("worms/notebooks/old.txt", "old")
    dag.put("cells/data.txt", "no notebooks")
    dag.submit_dag().wait_session().ready()
    assert "old" in dag.inside("cat", "notebooks/old.txt")
    dag.inside("sh", "-c", "echo new >notebooks/new.txt")
    assert stop(dag) == 1, "the other node was refused"
    [refusal] = [line for line in dag.history().splitlines() if "refused" in line]
    assert f"{dag.folder}/cells/notebooks does not exist" in refusal
    [end] = [line for line in dag.history().splitlines() if "ended" in line]
    assert f"{dag.folder}/worms/notebooks" in end
    assert "new.txt" in end
    assert dag.file("worms/notebooks/new.txt") == "new\n"


def test_a_description_in_the_dag_is_checked_and_its_end_is_told(new_dag):
    dag = new_dag()
    dag.dag = "inline.dag"
    dag.put("inline.dag", INLINE)
    dag.submit_dag().wait_session().ready()
    dag.save_notebook("kept.ipynb", "kept")
    assert stop(dag) == 0
    assert "kept.ipynb" in dag.wait_told("ended")
    assert dag.has_notebook("kept.ipynb", "kept")

    dag.ap("sh", "-c", "mv notebooks elsewhere; condor_submit_dag -f inline.dag", check=True)
    assert "notebooks does not exist: create it" in dag.wait_told("ended", "refused")
