"""What a pool's operators may forbid, and a schedd that is away: named, and nothing submitted or removed for it."""

import pytest

from support.hosts import configure
from support.laptop import laptops
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(300)


@pytest.mark.slow
def test_policies_of_a_pool_and_a_schedd_that_is_away_are_named(own_pool):
    with laptops(own_pool) as new:
        laptop = new()
        configure(own_pool, "ap", "MAX_JOBS_PER_OWNER = 0")
        full = laptop.start()
        assert full.wait_end() == 21
        assert "queue on ap is full" in full.output
        configure(own_pool, "ap")
        configure(own_pool, "ep1", "ENABLE_SSH_TO_JOB = False")
        forbidden = laptop.start()
        assert forbidden.wait_end(120) == 33
        assert "--interactive" in forbidden.output
        assert f"chtc-jupyter stop {laptop.name}" in forbidden.output
        assert laptop.call("stop").returncode == 0
        configure(own_pool, "ep1")

        running = laptop.start()
        url = running.url()
        own_pool.exec("ap", ["condor_off", "-daemon", "schedd", "-fast"], check=True)
        wait_for(lambda: laptop.call("list").returncode == 14, 60, "the schedd to be away")
        assert laptop.answers(url)
        for verb in ("status", "stop", "list"):
            told = laptop.call(verb)
            assert (told.returncode, "answer (" in told.stderr) == (14, True), told
        refused = new().start()
        assert refused.wait_end(120) == 14
        assert "answer (" in refused.output
        own_pool.exec("ap", ["condor_on", "-daemon", "schedd"], check=True)
        wait_for(lambda: laptop.call("list").returncode == 0, 60, "the schedd to be back")
        wait_for(lambda: laptop.answers(url), 90, "Lab")
        assert laptop.call_json("list")[0]["job"] == laptop.job()


@pytest.mark.slow
def test_pool_that_lets_one_into_interactive_jobs_alone_is_named_and_its_way_taken(own_pool):
    configure(own_pool, "ep1", "ENABLE_SSH_TO_JOB = TARGET.InteractiveJob =?= True")
    with laptops(own_pool) as new:
        laptop, interactive = new(), new()
        forbidden = laptop.start()
        assert forbidden.wait_end(120) == 33
        assert "ENABLE_SSH_TO_JOB=false" in forbidden.output
        ill = laptop.call("doctor", "--ap", "ap")
        assert (ill.returncode, "FAIL  the machine of job" in ill.stdout) == (1, True), ill
        assert "--interactive" in ill.stdout
        assert laptop.call("stop").returncode == 0
        running = interactive.start("--interactive", tty=True)
        assert interactive.answers(running.url())
        assert "Ctrl-C ends the session" in " ".join(running.output.split())
        running.type("\x03")
        running.wait_for("[k]eep it, or [e]nd it?")
        running.type("k\n")
        assert interactive.answers(running.url())
        running.type("\x03")
        wait_for(lambda: running.read().count("[k]eep it, or [e]nd it?") == 2, 30, "the question again")
        running.type("e\n")
        assert running.wait_end(90) == 0
        assert "stopped by its user" in running.output
        assert f"{interactive.folder}/notebooks" in running.output
        assert interactive.queued() == []
        assert "last-session.json" in interactive.on_ap("ls", f"{interactive.folder}/notebooks/.jupyter-session")
