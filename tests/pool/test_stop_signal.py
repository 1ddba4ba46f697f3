"""A session that HTCondor ends does so within the time it has, no matter what runs in it."""

import time

import pytest

DEAF = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True: pass
"""
#: tmux and JupyterLab, but not the command that looks for them.
HANGING = "^/usr/bin/tmu[x]|jupyter-la[b] --config="


@pytest.mark.slow
def test_removed_session_with_a_deaf_kernel_is_gone_in_time_and_its_notebook_back(new_session):
    session = new_session().submit()
    session.ready()
    session.save_notebook("kept.ipynb", "kept")
    session.execute(session.open_notebook("deaf.ipynb"), DEAF)
    removed = time.monotonic()
    session.ap("condor_rm", session.job, check=True)
    assert session.wait_gone(25)["JupyterState"] == "stopped"
    assert time.monotonic() - removed < 25
    assert session.has_notebook("kept.ipynb", "kept")
    assert session.receipt()["running"] == ["kernel 'deaf.ipynb'"]
    assert "kernel 'deaf.ipynb'" in session.output()


def test_removed_session_whose_parts_all_hang_is_gone_in_time_and_its_notebook_back(new_session):
    session = new_session().submit()
    session.ready()
    session.save_notebook("kept.ipynb", "kept")
    session.inside("pkill", "-STOP", "-f", HANGING)
    removed = time.monotonic()
    session.ap("condor_rm", session.job, check=True)
    ad = session.wait_gone(40)
    assert time.monotonic() - removed < 35
    assert (ad["JupyterState"], session.states()[-1]) == ("stopped", "stopped")
    assert session.has_notebook("kept.ipynb", "kept")
    assert session.receipt()["changed"]["names"] == ["kept.ipynb"]


def test_a_job_that_asks_for_little_time_to_end_does_so_within_it(new_session):
    session = new_session().submit("", "job_max_vacate_time = 10")
    session.ready()
    session.save_notebook("kept.ipynb", "kept")
    session.inside("pkill", "-STOP", "-f", HANGING)
    removed = time.monotonic()
    session.ap("condor_rm", session.job, check=True)
    assert session.wait_gone(30)["JupyterState"] == "stopped"
    assert time.monotonic() - removed < 20
    assert session.has_notebook("kept.ipynb", "kept")
