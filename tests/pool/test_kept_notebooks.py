"""However HTCondor ends a session, what was saved in it is in the user's folder; the next run starts with it."""

from chtc_condor.codes import JobStatus
from support.tunnel import URL, Tunnel
from support.waiting import wait_for


def session_with_notebook(new_session):
    session = new_session().submit()
    session.ready()
    session.save_notebook("kept.ipynb", "kept")
    assert not session.has_notebook("kept.ipynb", "kept")
    return session


def wait_ready_again(session):
    seen = ["starting", "ready", "stopping", "stopped", "starting", "ready"]
    wait_for(lambda: session.states() == seen, 90, "the second run to be ready")
    assert "kept.ipynb" in session.request("/api/contents")


def test_notebook_is_back_after_condor_rm(new_session):
    session = session_with_notebook(new_session)
    session.ap("condor_rm", session.job, check=True)
    ad = session.wait_gone()
    assert session.has_notebook("kept.ipynb", "kept")
    assert ad["JupyterState"] == "stopped"
    assert session.file(f"jupyter-{session.job}.json") is None


def test_vacated_session_starts_again_with_its_notebook_and_a_connect_line_that_works(new_session):
    session = session_with_notebook(new_session)
    before = session.ad()["JupyterConnect"], session.token()
    session.ap("condor_vacate_job", session.job, check=True)
    wait_for(lambda: session.has_notebook("kept.ipynb", "kept"), 30, "the notebook")
    wait_ready_again(session)
    tunnel = session.tunnel()
    url = tunnel.url()
    assert URL.fullmatch(url)[2] == session.token()
    assert (session.ad()["JupyterConnect"], session.token()) not in (before, (before[0], session.token()))
    page = session.pool.exec("laptop", ["curl", "-sSL", "-c", "/dev/null", url], user="alice")
    assert "JupyterLab" in page.stdout
    tunnel.close()
    old = Tunnel(session.pool, session.user, before[0])
    assert "earlier run" in old.wait_end(60), "the old line must not give an address that it does not lead to"


def test_held_session_gives_its_notebook_back_and_goes_on_with_it_when_released(new_session):
    session = session_with_notebook(new_session)
    session.ap("condor_hold", session.job, check=True)
    session.wait_status(JobStatus.HELD)
    wait_for(lambda: session.has_notebook("kept.ipynb", "kept"), 30, "the notebook")
    session.ap("condor_release", session.job, check=True)
    wait_ready_again(session)
