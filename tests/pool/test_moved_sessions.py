"""A session that HTCondor starts again where chirp is off: its ad still has what the earlier start has said."""

import shlex

import pytest

from support.hosts import ROOT, configure
from support.laptop import laptops
from support.tunnel import URL, Tunnel
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def start_again(pool, laptop, *lines):
    """Have HTCondor start the job again on a machine with these lines in its configuration."""
    starts = int(laptop.on_ap("condor_q", laptop.job(), "-af", "NumJobStarts"))
    configure(pool, "ep1", *lines)
    laptop.on_ap("condor_vacate_job", "-fast", laptop.job())
    said = f"{starts + 1} 2"
    wait_for(
        lambda: laptop.on_ap("condor_q", laptop.job(), "-af", "NumJobStarts", "JobStatus").strip() == said, 120, said
    )


def test_session_that_moves_to_a_machine_without_chirp_is_reached_by_what_it_is_now(own_pool):
    fixed = next(line for line in (ROOT / "docs/ssh.md").read_text().splitlines() if line.startswith("sh -c "))
    with laptops(own_pool) as new:
        laptop = new()
        running = laptop.start()
        address = running.url()
        job = laptop.job()
        line = shlex.join([*shlex.split(fixed)[:4], f"{laptop.user}@ap", job])
        assert laptop.call("ssh-config", "--write").returncode == 0
        old = laptop.on_ap("condor_q", job, "-af", "JupyterConnect").strip()
        assert laptop.call_json("list")[0]["state"] == "ready"

        start_again(own_pool, laptop, "ENABLE_CHIRP = False")
        assert laptop.on_ap("condor_q", job, "-af", "JupyterState", "JupyterConnect").strip().endswith(old), (
            "the ad must have what it had"
        )
        assert laptop.call_json("list")[0]["state"] != "ready"
        assert "asks it" in laptop.call("list").stdout
        wait_for(lambda: laptop.answers(address), 120, "the page to be back at its address")
        tunnel = Tunnel(own_pool, laptop.user, line)
        try:
            token = URL.fullmatch(tunnel.url())[2]
            assert "Asking job" in tunnel.output
            assert token in laptop.inside("jupyter-session", "status", "--json")
        finally:
            tunnel.close()
        before = Tunnel(own_pool, laptop.user, old)
        said = before.wait_end(60)
        assert "earlier run" in said
        assert not URL.search(said)
        argv = ["ssh", f"jupyter-{laptop.name}", "echo in"]
        entered = own_pool.exec("laptop", argv, user=laptop.user, env=laptop.env, timeout=120)
        assert entered.stdout == "in\n", entered

        start_again(own_pool, laptop, "ENABLE_CHIRP = False", "ENABLE_SSH_TO_JOB = False")
        closed = Tunnel(own_pool, laptop.user, line)
        said = closed.wait_end(120)
        assert "runs, but nothing can reach it" in said
        assert "ENABLE_SSH_TO_JOB" in said
