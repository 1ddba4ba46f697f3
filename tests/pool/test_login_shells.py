"""What a login shell does before a command, or in its place: each way in works, or says soon why it doesn't."""

import pytest

from support.hosts import background, login_shell
from support.laptop import laptops
from support.own_sshd import ssh_config
from support.tunnel import Tunnel
from support.waiting import patience, wait_for

#: They change what carol has at the laptop and on the access point, so one runs after another.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("carol")]

#: What carol's .bashrc begins with.
WORKS = {
    "title without a line end": r"printf '\033]0;%s\007' title; printf 'ssh-ed25519 AAAA' >&2",
    "reads a line": "read -r project; export PROJECT=$project",
    "reads two lines": "read -r project; read -rs word",
    "another shell inside": "zsh",
    "shells that take more than a line": "sh -s; dash",
    "a group's shell": "newgrp carol",
    "slow": "sleep 12",
    "late PATH": '[ -n "$LATE" ] || PATH=/tmp/carol-bin',
    "every word to a log": "exec > >(tee -a /tmp/carol-log)",
    "trap, cd, and strict": "trap 'echo bye' EXIT; cd /tmp; set -u",
}
#: In a terminal, these wait for the person who has it, as they do after any login.
TERMINAL = (
    *("reads a line", "reads two lines", "another shell inside", "a group's shell"),
    "shells that take more than a line",
)
REPLACED = {
    "zsh": "exec zsh",
    "bash": "case $- in *c*) exec bash;; esac",
    "bash at a login": '[ -n "$IN" ] || { export IN=1; exec bash -l; }',
    "tcsh-like": "exec sh -s",
}
LATE = "export LATE=1 PATH=/usr/local/bin:/usr/bin:/bin\n"


HOST = "Host mine\n HostName ap\n HostKeyAlias ap\nHost ap\n RemoteCommand exec zsh -l\n RequestTTY yes\n"


@pytest.fixture(scope="module")
def carol(pool):
    """Yield a user with a session, which was started through a shell that needs some seconds for its first word."""
    profile = pool.path("ap", "/home/carol/.bash_profile")
    with laptops(pool) as new, ssh_config(pool, "carol", HOST):
        profile.write_text(LATE)
        few = "mkdir -p /tmp/carol-bin; cd /tmp/carol-bin; ln -sf /usr/bin/* .; rm -f python3* condor_*"
        pool.exec("ap", ["sh", "-c", few], check=True)
        laptop = new("carol", ap="mine")
        assert laptop.call("config", "ap", "mine").returncode == 0
        with login_shell(pool, "carol", WORKS["another shell inside"]):
            running = laptop.start()
            running.url()
            running.interrupt()
            assert running.wait_end() == 0
        assert laptop.call("ssh-config", "--write").returncode == 0
        yield laptop
        profile.unlink()
        clean = "rm -rf ~carol/.ssh/config.d; : >~carol/.ssh/config; pkill -u carol -x ssh"
        pool.exec("laptop", ["sh", "-c", clean])


def enter(laptop, *argv):
    """`ssh jupyter-NAME` over a connection of its own."""
    laptop.pool.exec("laptop", ["pkill", "-u", "carol", "-x", "ssh"])
    host = f"jupyter-{laptop.name}"
    return laptop.pool.exec("laptop", ["ssh", host, *argv], user="carol", env=laptop.env, timeout=120)


def try_each_way(carol, pool, *, line):
    """Assert that each way leads into carol's session; the `line` to connect, too, if that is to be tried."""
    done = carol.call("list")
    assert done.returncode == 0, done
    assert carol.name in done.stdout
    running = carol.run_on("connect", carol.name, "--no-browser")
    assert carol.answers(running.url(60))
    over_it = carol.call("status", carol.name)
    assert over_it.returncode == 0, over_it
    assert "doesn't answer" not in over_it.stderr
    running.interrupt()
    assert running.wait_end() == 0
    entered = enter(carol, "echo in; wc -c")
    assert entered.stdout == "in\n0\n", entered
    if line:
        shown = carol.on_ap("condor_q", carol.job(), "-af", "JupyterConnect").strip()
        tunnel = Tunnel(pool, "carol", shown)
        try:
            assert carol.fetch(tunnel.url()).startswith("200 ")
        finally:
            tunnel.close()


@pytest.mark.parametrize("kind", WORKS)
def test_each_way_in_works_with_a_login_shell_that_runs_commands_in_the_end(carol, pool, kind):
    with login_shell(pool, "carol", WORKS[kind]):
        try_each_way(carol, pool, line=kind not in TERMINAL)  # the line has a terminal


@pytest.mark.parametrize("program", ["/usr/bin/fish", "/usr/bin/zsh", "/bin/dash"])
def test_each_way_in_works_with_another_login_shell_and_folders_that_the_user_names(carol, pool, program):
    change = lambda path: pool.exec("ap", ["usermod", "-s", path, "carol"], check=True)  # noqa: E731
    change(program)
    try:
        assert carol.call("config", "ap_path", "/nowhere:~/own+/bin").returncode == 0
        try_each_way(carol, pool, line=True)
    finally:
        carol.call("config", "ap_path", "")
        change("/bin/bash")


@pytest.mark.parametrize("kind", REPLACED)
def test_each_way_in_says_soon_that_another_shell_takes_the_place_of_the_command(carol, pool, kind):
    with login_shell(pool, "carol", REPLACED[kind]):
        for argv in (("list",), ("start", "other", "--no-browser"), ("connect", carol.name, "--no-browser")):
            done = carol.call(*argv, timeout=30 * patience())
            assert done.returncode == 10, done
            [said] = [line for line in done.stderr.splitlines() if line.startswith("chtc-jupyter: ")]
            assert "starts another shell" in said
        entered = enter(carol, "echo in")
        assert entered.returncode == 255, entered
        assert "starts another shell" in entered.stderr


def test_ssh_says_within_30_s_that_no_command_has_run(carol, pool):
    pool.exec("laptop", ["pkill", "-u", "carol", "-x", "ssh"])
    argv = ["ssh", f"jupyter-{carol.name}", "true"]
    with (
        login_shell(pool, "carol", "cat >/dev/null"),
        background(pool, "laptop", argv, "carol", env=carol.env) as running,
    ):
        wait_for(lambda: "No command has run on mine" in running.stdout.readline(), 30, "the reason")
