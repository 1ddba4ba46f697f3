"""Each wait of the launcher has a reason within 30 s and an end: a login, doctor, logs, start on the access point."""

import time

import pytest

from support.hosts import login_shell
from support.laptop import SMALL
from support.own_sshd import own_sshd, ssh_config
from support.waiting import patience, wait_for

#: They change carol's login shell, so one runs after another.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("carol")]

#: In place of a command of HTCondor's: never answers.
HANGS = "#!/bin/sh\nexec sleep 600\n"
#: Does nothing the first time, as condor_ssh_to_job sometimes does.
FORGETS = """#!/bin/sh
if [ -e ~/slow/was-here ]; then exec /usr/bin/condor_ssh_to_job "$@"; fi
touch ~/slow/was-here
"""
MUTE = "#!/bin/sh\ntrue\n"


@pytest.fixture
def instead(pool):
    """Return a function that puts a script in the place of one of HTCondor's commands for carol, for the test."""
    with login_shell(pool, "carol", "PATH=~/slow:$PATH"):
        yield lambda name, text: pool.put("ap", f"/home/carol/slow/{name}", text.encode(), "carol", 0o755)
    pool.exec("ap", ["rm", "-rf", "/home/carol/slow"])


def test_a_login_that_hangs_at_a_host_on_the_way_is_told_within_30_seconds(new_laptop, pool):
    """It was silent for 300 s. At the access point itself, ssh gives up after 15 s."""
    laptop = new_laptop("carol")
    pool.put("ap", "/usr/local/bin/hang", HANGS.encode(), "root", 0o755)
    keys = ("AuthorizedKeysFile none", "AuthorizedKeysCommand /usr/local/bin/hang", "AuthorizedKeysCommandUser nobody")
    with own_sshd(pool, *keys, "LoginGraceTime 0") as sshd:
        config = f"Host slow\n HostName ap\n Port {sshd.port}\n HostKeyAlias ap\n"
        config += "Host beyond\n HostName ap\n HostKeyAlias ap\n ProxyJump slow\n"
        with ssh_config(pool, "carol", config):
            began = time.monotonic()
            running = laptop.run_on("list", "--ap", "beyond")
            running.wait_for("beyond hasn't accepted the login for", 40)
            assert time.monotonic() - began < 30 * patience()
            assert "`ssh beyond` by hand shows what it waits for" in running.output
            running.interrupt()
            assert running.wait_end(10) == 130
            assert laptop.call("list", "--ap", "slow").returncode == 10


def test_doctor_makes_every_check_though_one_gets_no_answer(new_laptop, instead):
    """It ended with the first that got none, after 60 silent s."""
    instead("condor_status", HANGS)
    laptop = new_laptop("carol")
    running = laptop.run_on("doctor", "--ap", "ap")
    began = time.monotonic()
    running.wait_for("ap: checking whether the pool answers", 30)
    assert time.monotonic() - began < 30 * patience()
    assert running.wait_end(90) == 1
    lines = running.output.splitlines()
    wrong = [
        line
        for line in lines
        if line.startswith("FAIL  the pool answers: ap reports: condor_status did not end within")
    ]
    assert len(wrong) == 1, running.output
    for after in ("ok    it allows ssh into jobs", "ok    the home folder is writable", "ok    ssh can forward"):
        assert any(line.startswith(after) for line in lines), running.output


def test_a_job_that_can_not_be_entered_has_an_end_and_one_that_is_entered_without_a_word_is_tried_again(
    new_laptop, instead
):
    """`logs` waited for ever, and `status` failed at once."""
    laptop = new_laptop("carol")
    laptop.start_and_leave()
    instead("condor_ssh_to_job", FORGETS)
    done = laptop.call("status")
    assert done.returncode == 0, done
    assert "Saved on the access point" in done.stdout
    instead("condor_ssh_to_job", MUTE)
    done = laptop.call("status")
    assert (done.returncode, "gave no reason, 3 times" in done.stderr) == (31, True), done
    instead("condor_ssh_to_job", HANGS)
    began = time.monotonic()
    running = laptop.run_on("logs", "-f")
    running.wait_for("waiting for its log", 30)
    assert time.monotonic() - began < 30 * patience()
    assert running.wait_end(90) == 31
    assert "couldn't be entered within 50 s" in running.output


def test_list_shows_what_other_access_points_have_though_one_is_away(new_laptop):
    laptop = new_laptop("carol")
    laptop.start_and_leave()
    records = f"{laptop.home}/state/chtc-jupyter/sessions"
    change = f's/"ap": "ap"/"ap": "nowhere.test"/; s/{laptop.name}/a/'
    other = f"sed '{change}' {records}/{laptop.name}.json >{records}/a.json"
    laptop.pool.exec("laptop", ["sh", "-c", other], user="carol", check=True)
    done = laptop.call("list")
    assert laptop.name in done.stdout, done
    assert (done.returncode, "nowhere.test can't be found" in done.stderr) == (10, True), done


class TestOnTheAccessPoint:
    """`chtc-jupyter start` on the access point itself, where nothing is opened."""

    @pytest.fixture
    def there(self, new_laptop):
        return new_laptop("alice", host="ap")

    def start(self, there, *more):
        return there.run_on("start", there.name, *SMALL, *more)

    def test_it_prints_the_command_for_the_laptop(self, there):
        running = self.start(there)
        assert running.wait_end(120) == 0, running.output
        assert "ssh -" in running.output
        assert there.name in there.call("list").stdout

    def test_a_wait_has_a_reason_and_a_removed_job_is_told_and_forgotten(self, there):
        """It said "queued" for as long as one waited, ended with 31, and its record stayed."""
        running = self.start(there, "--memory", "900GB")
        wait_for(there.queued, 30, "the job")
        began = time.monotonic()
        running.wait_for("memory", 30)
        assert time.monotonic() - began < 30 * patience()
        there.on_ap("condor_rm", there.job())
        assert running.wait_end(60) == 32, running.output
        assert "was removed" in running.output
        assert there.name not in there.on_ap("ls", f"{there.home}/state/chtc-jupyter/sessions")

    def test_a_job_that_is_no_session_is_told(self, there):
        """It waited for ever."""
        there.on_ap("mkdir", "-p", f"{there.folder}/notebooks")
        lines = ("executable = /bin/sh", "arguments = \"-c 'sleep 600; jupyter-session run'\"", "queue")
        text = "\n".join(["container_image = /srv/jupyter.sif", "transfer_executable = false", *lines, ""])
        there.pool.put("ap", f"{there.folder}/own.sub", text.encode(), "alice")
        running = self.start(there, "--submit-file", f"{there.folder}/own.sub")
        running.wait_for("has not started the session yet", 90)
        running.interrupt()
        assert running.wait_end(30) == 130
        assert f"`chtc-jupyter stop {there.name}` ends it" in running.output
