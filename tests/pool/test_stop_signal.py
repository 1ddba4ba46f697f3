"""A session that is told to end does so within the time that HTCondor gives it, whatever runs in it."""

import time

DEAF = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True: pass
"""


def test_removed_session_with_a_deaf_kernel_is_gone_in_time_and_its_notebook_back(new_session):
    session = new_session().submit()
    session.ready()
    session.save_notebook("kept.ipynb", "kept")
    session.execute(session.start_kernel(), DEAF)
    removed = time.monotonic()
    session.ap("condor_rm", session.job, check=True)
    assert session.wait_gone(25)["JupyterState"] == "stopped"
    assert time.monotonic() - removed < 25
    assert session.has_notebook("kept.ipynb", "kept")
