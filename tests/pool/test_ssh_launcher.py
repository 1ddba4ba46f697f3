"""`ssh jupyter-NAME` as the launcher sets it up."""

import re

import pytest

from support.ssh import own_lines
from support.waiting import wait_for

#: They change what carol has at the laptop, so one runs after another.
pytestmark = pytest.mark.xdist_group("carol")


@pytest.fixture
def carol(new_laptop, pool):
    """Yield a user at the laptop whose ~/.ssh/config has a line of her own."""
    laptop, forget = new_laptop("carol"), "rm -rf ~/.ssh/config.d"
    pool.exec(
        "laptop", ["sh", "-c", "echo 'Host mine' >~/.ssh/config; rm -rf ~/.ssh/config.d"], user="carol", check=True
    )
    yield laptop
    pool.exec("laptop", ["sh", "-c", f": >~/.ssh/config; {forget}; pkill -u carol ssh"], user="carol")


def ssh(laptop, *argv, **options):
    return laptop.pool.exec("laptop", argv, user=laptop.user, env=laptop.env, **{"timeout": 120, **options})


def test_written_once_it_stays_as_it_is_and_what_was_there_is_kept(carol):
    printed = carol.call("ssh-config").stdout
    first = carol.call("ssh-config", "--write")
    assert first.returncode == 0, first
    assert "config.d/chtc-jupyter was written" in first.stdout
    assert "now includes it" in first.stdout
    kept = ssh(
        carol, "sh", "-c", "cd ~/.ssh; cat config config.d/chtc-jupyter; stat -c %a config config.d/chtc-jupyter"
    ).stdout
    assert kept == f"Include config.d/chtc-jupyter\n\nHost mine\n{printed}600\n600\n"
    assert carol.call("ssh-config", "--write").stdout == "Everything is set up already.\n"
    assert "user jupyter\n" in ssh(carol, "ssh", "-G", "jupyter-lab").stdout
    assert "user jupyter\n" not in ssh(carol, "ssh", "-G", "other").stdout


def test_named_session_is_entered_and_files_are_copied(carol):
    carol.call("config", "ap", "ap")
    carol.start().url()
    assert carol.call("ssh-config", "--write").returncode == 0
    host = f"jupyter-{carol.name}"
    entered = ssh(carol, "ssh", host, "command -v python; cat")
    assert entered.returncode == 0, entered
    assert re.fullmatch(r"/\S+/\.python-\w+/bin/python\n", entered.stdout), entered
    assert own_lines(entered.stderr) == []
    big = (
        f"head -c 20000000 /dev/urandom >big; scp -q big {host}:big; scp -q {host}:big back; cmp big back && echo same"
    )
    assert ssh(carol, "sh", "-c", f"{big}; rm big back").stdout == "same\n"
    by_number = ssh(carol, "ssh", f"jupyter-{carol.job().removesuffix('.0')}", "echo in")
    assert by_number.stdout == "in\n", by_number
    unknown = ssh(carol, "ssh", "jupyter-nosuch", "true")
    assert unknown.returncode == 255
    sentence, by_ssh = unknown.stderr.splitlines()
    assert "There is no session 'nosuch' in the queue of ap" in sentence
    assert by_ssh.startswith("Connection closed by UNKNOWN")
    assert carol.call("stop", carol.name).returncode == 0
    ended = ssh(carol, "ssh", host, "true")
    assert ended.returncode == 255
    assert "chtc-jupyter" in ended.stderr
    left = ("pgrep", "-u", "carol", "-af", "jupyter-session sshd|/tmp/jupyter-")
    wait_for(lambda: not carol.pool.exec("ap", left).stdout, 60, "the access point to be clean")
