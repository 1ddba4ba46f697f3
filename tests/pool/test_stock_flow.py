"""The stock flow: condor_submit, condor_q, paste the line, condor_ssh_to_job."""

import pytest

from chtc_condor.codes import JobStatus
from support.tunnel import URL
from support.waiting import wait_for


def test_ready_session_shows_its_public_attributes_and_no_token(ready_session):
    ad = ready_session.ready()
    assert ad["JupyterURL"] == f"http://127.0.0.1:{ad['JupyterPort']}/lab"
    assert ad["JupyterHost"] == "ep1"
    assert ad["JupyterVersion"]
    assert ready_session.token() not in str(ad)


@pytest.mark.parametrize("program", ["bash", "zsh", "fish"])
def test_connect_line_pasted_on_the_laptop_prints_the_url_with_the_token(ready_session, program):
    tunnel = ready_session.tunnel(program)
    url = tunnel.url()
    assert URL.fullmatch(url)[2] == ready_session.token()
    body = ready_session.pool.exec("laptop", ["curl", "-sSL", "-c", "/dev/null", url], user="alice").stdout
    assert "JupyterLab" in body
    assert "condor_ssh_to_job_" in left_by(ready_session), (
        "the key that condor_ssh_to_job makes is not in the tunnel's folder"
    )
    tunnel.close()
    wait_for(lambda: not left_by(ready_session), 20, "the access point to be rid of the tunnel")


def left_by(session):
    """Return what the tunnel has on the access point: its folder, keys and processes."""
    files = session.ap("sh", "-c", f"find /tmp/jupyter-{session.job}-* 2>/dev/null").stdout
    return files + session.ap("pgrep", "-fa", f"[s]sh_to_job.* {session.job} ").stdout


def test_image_that_can_not_be_started_is_held_instead_of_going_round_for_ever(new_session):
    session = new_session()
    session.ap("sh", "-c", "rm jupyter.sif; head -c 100000 /dev/urandom >jupyter.sif", check=True)
    ad = session.submit().wait_status(JobStatus.HELD, seconds=240)
    assert ad["HoldReason"] == "The image could not be started three times: see the job's event log"
    assert ad["NumVacatesByReason"]["SingularityTestFailed"] == 3
    assert "image format not recognized" in (session.file(f"jupyter-{session.cluster}.log") or "")
