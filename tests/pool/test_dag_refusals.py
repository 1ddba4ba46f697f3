"""What could not go well is refused in one sentence, before anything is submitted."""

import pytest

JOBS = 'TransferOutput == "notebooks" && Iwd == "{}"'


def assert_nothing_was_submitted(dag):
    for command in ("condor_q", "condor_history"):
        assert not dag.ap(command, "-constraint", JOBS.format(dag.folder), "-af", "ClusterId").stdout.strip()


def test_a_missing_image_is_said_and_nothing_is_submitted(new_dag):
    dag = new_dag()
    dag.ap("rm", "jupyter.sif", check=True)
    dag.before -= {"jupyter.sif"}
    dag.submit_dag()
    assert dag.wait_dag_gone() == 1
    history = dag.wait_told("refused")
    assert f"the image {dag.folder}/jupyter.sif does not exist: put it there" in history
    assert_nothing_was_submitted(dag)
    assert not dag.jobs()
    dag.wait_nothing_left()


def refused(dag, submit_file="jupyter.sub"):
    """Run the script as DAGMan does; return what it told."""
    env = ["env", f"_CONDOR_DAGMAN_LOG={dag.folder}/jupyter.dag.dagman.out", "CONDOR_ID=999999.0"]
    done = dag.ap(*env, "dag/pre.py", submit_file)
    assert done.returncode == (2 if dag.history() else 0), done.stderr
    assert done.stderr == ""
    assert dag.history().count("\n") <= 1
    return dag.history()


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        ("true", ""),
        ("rm jupyter.sif; echo nothing >jupyter.sif", "is not an Apptainer image"),
        ("rm jupyter.sif; cp /etc/hostname jupyter.sif; chmod 0 jupyter.sif", "can't be read (Permission denied)"),
        ("sed -i /^include/d jupyter.sub; rm -r notebooks", "the notebooks folder"),
        ("chmod 500 notebooks", "can't write to the notebooks folder"),
        ("echo 'queue queue' >jupyter.sub", "condor_submit failed: "),
        ("rm jupyter.sub", "there is no submit file"),
        ("sed -i s/^queue/'queue 3'/ jupyter.sub", "jupyter.sub describes 3 jobs, but a session is one job"),
        ("sed -i '/want_io_proxy/d;/WantRemoteUpdates/d' jupyter.sub", "jupyter.sub lacks `want_io_proxy = true`"),
        ("sed -i /transfer_output_files/d jupyter.sub", "jupyter.sub lacks `transfer_output_files = notebooks`"),
        ("sed -i '/^log/i executable = /bin/true' jupyter.sub", "which is not a session"),
        ("mkdir elsewhere; ln -s ../elsewhere notebooks/lib64", "a link to a folder"),
        ("mv notebooks real; ln -s real notebooks", "notebooks (a link to a folder)"),
        ("mkdir notebooks/secret; chmod 0 notebooks/secret", "notebooks/secret (unreadable)"),
    ],
)
def test_what_a_session_lacks_is_said_in_one_sentence(new_dag, spoil, part):
    dag = new_dag()
    dag.put_submit_file("")
    dag.ap("sh", "-c", spoil, check=True)
    told = refused(dag)
    assert part in told
    assert bool(told) == bool(part)


def test_a_line_that_only_an_eviction_misses_is_warned_of(new_dag):
    dag = new_dag()
    dag.put_submit_file("")
    dag.ap("sed", "-i", "/SpoolOnEvict/d", "jupyter.sub", check=True)
    dag.ap("env", f"_CONDOR_DAGMAN_LOG={dag.folder}/jupyter.dag.dagman.out", "dag/pre.py", "jupyter.sub", check=True)
    assert dag.told() == ["warning"]
    assert "lacks `My.SpoolOnEvict = false`" in dag.history()


def test_a_full_disk_is_said(new_dag):
    dag = new_dag()
    dag.put_submit_file("")
    mount = 'mount -t tmpfs -o size=1m,mode=777 full "$0"/notebooks && head -c 2M /dev/zero >"$0"/notebooks/zeros; true'
    dag.pool.exec("ap", ["sh", "-c", mount, dag.folder], check=True)
    try:
        assert "(No space left on device): free some space" in refused(dag)
    finally:
        dag.pool.exec("ap", ["umount", f"{dag.folder}/notebooks"], check=True)


def test_a_second_session_of_the_folder_is_refused_whoever_submitted_the_first(new_dag):
    dag = new_dag()
    dag.submit("", "requirements = false")
    assert f"job {dag.job}, a session of {dag.folder}/notebooks, is in the queue already" in refused(dag)
