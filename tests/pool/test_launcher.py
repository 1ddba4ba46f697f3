"""chtc-jupyter from the laptop: one command, one login, and nothing left behind."""

import json
import signal
import time

import pytest

from chtc_condor.codes import JobStatus
from support.other_users import files_with
from support.waiting import wait_for
from testbed.pool.pool import kill_tree

#: Prints the user's listening TCP sockets on the access point for as long as it runs, each once.
WATCH = "while :; do ss -Hltne | grep -w uid:$0; sleep 0.05; done | awk '!seen[$4]++ { print; fflush() }'"


@pytest.mark.xdist_group("carol")
def test_start_leads_to_lab_by_one_login_with_no_port_and_no_secret_on_the_access_point(new_laptop, pool):
    laptop = new_laptop("carol")
    uid = pool.exec("ap", ["id", "-u", "carol"]).stdout.strip()
    watch = pool.popen("ap", ["sh", "-c", WATCH, uid])
    before = logins(pool, "carol")
    running = laptop.start()
    url = running.url()
    assert "200 " in laptop.fetch(url)
    assert logins(pool, "carol") == before + 1
    token = laptop.inside("jupyter-session", "url").partition("token=")[2].split()[0]
    assert token not in running.output
    for host, users in (("ap", ("bob",)), ("laptop", ("bob",)), ("ep1", ("nobody", "slot1_32"))):
        assert token not in pool.exec(host, ["ps", "axeww", "-o", "args"]).stdout
        for user in users:
            assert files_with(pool, host, user, token) == [], f"{user} on {host}"
    assert token not in laptop.on_ap("condor_q", "-l", laptop.job())
    tags = running.tags()
    assert "condor_ssh_to_job" in laptop.left_on_ap(*tags)
    running.interrupt()
    assert running.wait_end() == 0
    wait_for(lambda: not laptop.left_on_ap(*tags), 30, "the access point to be clean")
    assert laptop.queued() == [JobStatus.RUNNING]
    kill_tree(watch.pid)
    assert watch.communicate()[0] == ""


def test_verbs_tell_of_a_session_and_end_it(new_laptop):
    laptop = new_laptop()
    running = laptop.start("--max-runtime", "1d")
    url = running.url()
    job = laptop.job()
    [row] = [row for row in laptop.call_json("list") if row["name"] == laptop.name]
    assert (row["job"], row["state"], row["machine"], row["gpus"]) == (job, "ready", "ep1", 0)
    assert row["stops"] > 0
    assert laptop.name in laptop.call("list").stdout
    assert laptop.call_json("status")[0]["state"] == "ready"
    other = laptop.call("url").stdout.strip()
    assert other.rpartition("/")[0] == url.rpartition("/")[0]
    assert other != url
    assert laptop.answers(other)
    assert "at the earliest (1 h)" in laptop.call("extend", "1h").stdout
    assert "Jupyter Server" in laptop.call("logs", "-n", "500").stdout
    assert "starting: JupyterLab is starting." in laptop.call("logs", "-n", "500", "--supervisor").stdout
    assert laptop.call("start", laptop.name, "--ap", "ap", "--no-browser").returncode == 22
    second = laptop.call("connect", "--no-browser")
    assert (second.returncode, "already open" in second.stderr) == (40, True)
    stopped = laptop.call("stop")
    assert f"{laptop.folder}/notebooks" in stopped.stdout
    assert running.wait_end() == 0
    assert laptop.folder in running.output
    assert laptop.queued() == []
    assert laptop.call("url").returncode == 22
    assert laptop.call("forget").returncode == 22


def test_connect_from_a_machine_that_knows_nothing_of_the_session(new_laptop):
    first, other = new_laptop(), new_laptop()
    running = first.start("--json")
    url = running.url()
    told = [json.loads(line) for line in running.output.splitlines() if line.startswith("{")]
    assert {"event": "url", "job": first.job(), "url": url} in told
    running.interrupt()
    assert running.wait_end() == 0
    again = other.run_on("connect", first.name, "--ap", "ap", "--no-browser")
    assert other.answers(again.url())
    other.run_on("attach", first.name, tty=True).wait_for("shell")


def test_lab_is_back_and_nothing_is_left_after_ssh_the_agent_or_the_launcher_was_killed(new_laptop, pool):
    laptop = new_laptop("bob")
    laptop.keep_address()
    running = laptop.start()
    tab = running.url()
    assert laptop.answers(tab)
    kernel = json.loads(laptop.fetch(laptop.at("/api/kernels"), "-X", "POST").partition(" ")[2].rpartition("\n")[0])[
        "id"
    ]
    for host, pattern in (("laptop", "^ssh .*{}"), ("ap", "^[^ ]*python3 -IS -c import sys.*{}")):
        [tag] = running.tags()
        assert pool.exec(host, ["pkill", "-9", "-o", "-f", pattern.format(tag)]).returncode == 0
        wait_for(
            lambda: kernel in laptop.fetch(laptop.at("/api/kernels")),
            60,
            f"the connection to be back after a kill on {host}",
        )
        wait_for(lambda tag=tag: not laptop.left_on_ap(tag), 30, "the old one to go")
    tags = running.tags()
    running.process.send_signal(signal.SIGKILL)
    wait_for(lambda: not laptop.left_on_ap(*tags), 60, "the access point to be clean")
    assert laptop.queued() == [JobStatus.RUNNING]
    url = laptop.run_on("connect", "--no-browser").url()
    assert laptop.answers(url)
    assert laptop.answers(tab)  # it is at the same name, and has the new cookie
    assert kernel in laptop.fetch(laptop.at("/api/kernels"))


def test_interactive_session_is_opened_and_ends_with_its_connection(new_laptop):
    laptop = new_laptop()
    running = laptop.start("--interactive", "--idle-timeout", "1h")
    url = running.url()
    assert laptop.answers(url)
    assert 3400 < laptop.call_json("status")[0]["stop_at"] - time.time() < 3601
    assert laptop.call("status").stdout.startswith(("Idle for ", "In use: "))
    running.interrupt()
    assert running.wait_end() == 0
    wait_for(lambda: not laptop.queued(), 60, "the job to end")


def logins(pool, user):
    return pool.path("ap", "/var/log/sshd.log").read_text().count(f"Accepted publickey for {user} ")
