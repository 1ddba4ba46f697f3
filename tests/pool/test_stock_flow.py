"""The stock flow: condor_submit, condor_q, paste the line, condor_ssh_to_job."""

import re

import pytest

from chtc_condor.codes import JobStatus
from support.hosts import ROOT
from support.screen import screen
from support.tunnel import URL, Tunnel
from support.waiting import wait_for

#: Runs in the job: sets an attribute of its ad.
SET = """
import sys
from jupyter_session.condor.chirp import ChirpClient
name, value = sys.argv[1:]
with ChirpClient.connect() as chirp:
    chirp.set_attributes({name: int(value) if value.isdigit() else value})
"""


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


def test_connect_line_in_a_terminal_ends_with_ctrl_c_and_leaves_nothing_behind(ready_session):
    line = ready_session.ad()["JupyterConnect"]
    with screen(
        ready_session.pool, "laptop", ready_session.user, f"{line}; echo it has ended; sleep 60", "140x30"
    ) as shown:
        shown.wait("/lab?token=", 60)
        address = next(each for each in shown.text().splitlines() if "/lab?token=" in each)
        assert address == f"    {URL.search(address)[0]}"  # no staircase, although the terminal is ssh's
        shown.press("C-c")
        shown.wait("it has ended", 30)
    wait_for(lambda: not left_by(ready_session), 20, "the access point to be rid of the tunnel")


def test_the_fixed_line_in_the_docs_leads_to_the_job_whatever_its_ad_says(ready_session):
    """Row 4: what runs in the job, or another job of its account, has rewritten JupyterConnect."""
    line = next(line for line in (ROOT / "docs/ssh.md").read_text().splitlines() if line.startswith("sh -c "))
    assert line.endswith(" alice@ap.example.org 123")
    line = line.removesuffix(" alice@ap.example.org 123") + f" {ready_session.user}@ap {ready_session.cluster}"
    ready_session.ready()
    before = {name: ready_session.ad()[name] for name in ("JupyterConnect", "JupyterPort")}
    mark = f"/tmp/replaced-{ready_session.job}"
    try:
        ready_session.python(SET, "JupyterConnect", f"touch {mark}")
        tunnel = Tunnel(ready_session.pool, ready_session.user, line, "bash")
        ready_session.tunnels.append(tunnel)
        found = URL.fullmatch(tunnel.url())
        assert found[1] == str(20000 + int(ready_session.cluster) % 10000)
        assert found[2] == ready_session.token()
        url = found[0]
        assert (
            "JupyterLab"
            in ready_session.pool.exec(
                "laptop", ["curl", "-sSL", "-c", "/dev/null", url], user=ready_session.user
            ).stdout
        )
        tunnel.close()
        for port, says in (("22", "earlier run"), (f"1; touch {mark}", "is not a session that runs")):
            ready_session.python(SET, "JupyterPort", port)
            refused = Tunnel(ready_session.pool, ready_session.user, line, "bash")
            ready_session.tunnels.append(refused)
            assert says in refused.wait_end(60)
            assert not URL.search(refused.output)
        for host in ("laptop", "ap"):
            assert ready_session.pool.exec(host, ["test", "-e", mark]).returncode == 1
    finally:
        for name, value in before.items():
            ready_session.python(SET, name, str(value))


def test_connect_line_works_whatever_another_user_of_the_access_point_has_made(ready_session):
    """Row 9: the folder of the tunnel can't be known, so it can't be made first, nor kept from being made again."""
    pool, job = ready_session.pool, ready_session.job
    line = ready_session.ad()["JupyterConnect"]
    named = set(re.findall(r"/tmp/jupyter-[0-9a-f.-]+", line))
    first = ready_session.tunnel()
    first.url()
    used = {path for path in left_by(ready_session).split() if re.fullmatch(r"/tmp/jupyter-[0-9a-f.-]+", path)}
    assert used
    first.close()
    wait_for(lambda: not left_by(ready_session), 20, "the access point to be rid of the tunnel")
    theirs = [*sorted(used | named), f"/tmp/jupyter-{job}", f"/tmp/jupyter-{job}-"]
    try:
        pool.exec("ap", ["mkdir", "-m", "777", *theirs], user="bob", check=True)
        assert (
            "JupyterLab"
            in pool.exec(
                "laptop", ["curl", "-sSL", "-c", "/dev/null", ready_session.tunnel().url()], user=ready_session.user
            ).stdout
        )
    finally:
        pool.exec("ap", ["rm", "-rf", *theirs], check=True)


def left_by(session):
    """Return what the tunnel has on the access point: its folder, keys and processes."""
    files = session.ap("sh", "-c", f"find /tmp/jupyter-{session.job}-* 2>/dev/null").stdout
    return files + session.ap("pgrep", "-fa", f"[s]sh_to_job.* {session.job} ").stdout


@pytest.mark.slow
def test_image_that_can_not_be_started_is_held_instead_of_going_round_for_ever(new_session):
    session = new_session()
    session.ap("sh", "-c", "rm jupyter.sif; head -c 100000 /dev/urandom >jupyter.sif", check=True)
    ad = session.submit().wait_status(JobStatus.HELD, seconds=240)
    assert ad["HoldReason"] == "The image could not be started three times: see the job's event log"
    # The schedd looks at the policy now and then, and may have started it once more by then.
    assert ad["NumVacatesByReason"]["SingularityTestFailed"] in (3, 4)
    assert "image format not recognized" in (session.file(f"jupyter-{session.cluster}.log") or "")
