"""What people have in their ssh's configuration: forwards, hosts named like sessions, files that can't be written."""

import secrets

import pytest

from support.hosts import background
from support.own_sshd import own_sshd, ssh_config
from support.waiting import wait_for

#: They change what carol has at the laptop, so one runs after another.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("carol")]

HOST = "Host cluster\n HostName ap\n HostKeyAlias ap\n Port {port}\n"
FORWARDS = {
    "local": "LocalForward 8888 127.0.0.1:8888\n LocalForward 6006 localhost:6006",
    "dynamic": "DynamicForward 5555",
    "remote": "RemoteForward 52698 127.0.0.1:52698",
    "gpg": "RemoteForward /tmp/S.gpg-agent-{mark} /tmp/S.gpg-agent.extra\n StreamLocalBindUnlink no",
    "hop": "ProxyJump entry\nHost entry\n HostName ap\n HostKeyAlias ap\n Port {port}\n DynamicForward 5556",
}


@pytest.mark.parametrize("kind", FORWARDS)
def test_what_is_forwarded_already_costs_neither_the_connection_nor_a_login(new_laptop, pool, kind):
    """R4."""
    laptop = new_laptop("carol", ap="cluster")
    with own_sshd(pool) as sshd:
        text = (HOST + " " + FORWARDS[kind] + "\n").format(port=sshd.port, mark=laptop.name)
        with (
            ssh_config(pool, "carol", text),
            background(pool, "laptop", ["ssh", "cluster", "echo in; sleep 600"], "carol") as second,
        ):
            wait_for(lambda: second.stdout.readline() == "in\n", 30, "the second ssh")
            before = sshd.logins()
            listed = laptop.call("list", "--ap", "cluster")
            assert listed.returncode == 0, listed
            assert sshd.logins() - before == (2 if kind == "hop" else 1)
            checked = laptop.call("doctor", "--ap", "cluster")
            assert "ok    ssh can forward to a socket there" in checked.stdout, checked


@pytest.fixture
def carol(new_laptop, pool):
    """Yield a user whose ~/.ssh is put back."""
    laptop = new_laptop("carol")
    keep = "rm -rf ~/.ssh.kept; cp -a ~/.ssh ~/.ssh.kept"
    pool.exec("laptop", ["sh", "-c", keep], user="carol", check=True)
    yield laptop
    back = "rm -rf ~carol/.ssh /etc/managed; mv ~carol/.ssh.kept ~carol/.ssh"
    pool.exec("laptop", ["sh", "-c", back], check=True)


def shell(laptop, script, user="carol"):
    done = laptop.pool.exec("laptop", ["sh", "-c", script], user=user, env=laptop.env)
    assert done.returncode == 0, done
    return done.stdout


FIXED = {
    "link into a folder of root's": "mkdir -p /etc/managed; echo Host mine >/etc/managed/c; "
    "ln -sf /etc/managed/c ~carol/.ssh/config",
    "link to a file of one's own there": "mkdir -p /etc/managed; echo Host mine >/etc/managed/c; "
    "chown carol /etc/managed/c; ln -sf /etc/managed/c ~carol/.ssh/config",
    "folder": "echo Host mine >~carol/.ssh/config; chown carol ~carol/.ssh/config; chmod 500 ~carol/.ssh",
    "config": "echo Host mine >~carol/.ssh/config; chown carol ~carol/.ssh/config; chmod 400 ~carol/.ssh/config",
    "link that leads nowhere": "ln -sf /none/there ~carol/.ssh/config",
    "loop": "ln -sf config ~carol/.ssh/config",
    "config.d of root's": "echo Host mine >~carol/.ssh/config; mkdir ~carol/.ssh/config.d",
    "config.d a file": "echo Host mine >~carol/.ssh/config; touch ~carol/.ssh/config.d",
    "all of it a file": "rm -rf ~carol/.ssh; touch ~carol/.ssh",
}


@pytest.mark.parametrize("kind", FIXED)
def test_configuration_that_can_not_be_written_is_left_as_it_is_with_the_line_to_add(carol, kind):
    """R32."""
    shell(carol, FIXED[kind], "root")
    listing = "cd ~carol && ls -lAR --time-style=full-iso .ssh; cat .ssh/config 2>&1; cat /etc/managed/c 2>&1; true"
    before = shell(carol, listing, "root")
    done = carol.call("ssh-config", "--write")
    assert done.returncode in (1, 2), done
    [said] = done.stderr.splitlines()
    assert "Include config.d/chtc-jupyter" in said
    assert shell(carol, listing, "root") == before


def test_windows_lines_stay_and_a_byte_order_mark_is_named(carol):
    """R32."""
    shell(carol, r"printf 'Host lab\r\n    HostName 10.0.0.7' >~/.ssh/config")
    assert carol.call("ssh-config", "--write").returncode == 0
    kept = shell(carol, "cat ~/.ssh/config; stat -c ' %a' ~/.ssh/config")
    assert (
        kept == "Include config.d/chtc-jupyter\n\nHost lab\n    HostName 10.0.0.7 600\n"
    )  # read with universal newlines
    assert shell(carol, r"grep -c $(printf '\r') ~/.ssh/config") == "3\n"
    assert "hostname 10.0.0.7\n" in shell(carol, "ssh -G lab")
    shell(carol, r"rm -r ~/.ssh/config.d; printf '\357\273\277Host lab\r\n' >~/.ssh/config")
    done = carol.call("ssh-config", "--write")
    assert done.returncode == 1
    assert "byte order mark" in done.stderr
    assert shell(carol, "ls ~/.ssh/config.d 2>&1; true").endswith("No such file or directory\n")


def test_there_need_be_no_configuration_and_no_folder(carol):
    shell(carol, "rm -rf ~/.ssh")
    assert carol.call("ssh-config", "--write").returncode == 0
    assert shell(carol, "stat -c %a ~/.ssh ~/.ssh/config; ssh -G jupyter-lab | grep ^user").startswith(
        "700\n600\nuser j"
    )


OWN = """\
Include more/*.conf
Host jupyter-hub
    HostName hub.example.edu
    User alice
    LocalForward 8000 127.0.0.1:8000
Match originalhost jupyter-lab2
    User admin
"""
MORE = 'Host other "jupyter-prod-*"\n    ProxyJump hop\n'


@pytest.mark.parametrize(
    "every", ["", "Host jupyter-*\n    User admin\n    IdentityFile ~/.ssh/hub_key\n", "Host jup*\n"]
)
def test_hosts_of_ones_own_that_are_named_like_sessions_stay_what_they_are(carol, every):
    """R40."""
    shell(carol, "mkdir -p ~/.ssh/more; echo '10.1.1.1,jupyter-visited ssh-ed25519 AAAA' >>~/.ssh/known_hosts")
    carol.pool.put("laptop", "/home/carol/.ssh/config", (OWN + every).encode(), "carol")
    carol.pool.put("laptop", "/home/carol/.ssh/more/a.conf", MORE.encode(), "carol")
    theirs = ["jupyter-hub", "jupyter-lab2", "jupyter-prod-7", "jupyter-visited", *(["jupyter-any"] if every else [])]
    settings = "for h in {}; do ssh -G $h; done".format(" ".join(theirs))
    before = shell(carol, settings)
    done = carol.call("ssh-config", "--write")
    assert done.returncode == 0, done
    assert shell(carol, settings) == before
    for name in ("jupyter-hub", "jupyter-lab2", "jupyter-prod-*", "jupyter-visited"):
        assert f"`ssh {name}` stays yours" in done.stdout
    assert ("use `ssh jupyter-NUMBER`" in done.stdout) == bool(every)
    for session in ["jupyter-123", "jupyter-77.0", *([] if every else ["jupyter-lab"])]:
        assert "user jupyter\n" in shell(carol, f"ssh -G {session}")
    assert shell(carol, "chtc-jupyter ssh-config") == shell(carol, "cat ~/.ssh/config.d/chtc-jupyter")
    assert "Everything is set up already." in carol.call("ssh-config", "--write").stdout


def test_host_of_ones_own_that_was_added_later_is_found_by_doctor(carol):
    """R40."""
    assert carol.call("ssh-config", "--write").returncode == 0
    shell(carol, "printf 'Host jupyter-late\\n HostName late.example.edu\\n' >>~/.ssh/config")
    found = carol.call("doctor", "--ap", "ap")
    assert "`ssh jupyter-late` is taken for one" in found.stdout, found
    assert carol.call("ssh-config", "--write").returncode == 0
    assert "hostname late.example.edu\n" in shell(carol, "ssh -G jupyter-late")
    assert "is taken for one" not in carol.call("doctor", "--ap", "ap").stdout


EVERYTHING = """\
Include ~/.ssh/config.d/*.conf
CanonicalizeHostname yes
CanonicalDomains example.edu
CanonicalizeMaxDots 0
IgnoreUnknown UseKeychain,AddKeysToAgent
Match host ap exec "test -e /etc/resolv.conf"
    Compression yes
Host ap
    RequestTTY force
    RemoteCommand exec zsh -l
    PermitLocalCommand yes
    LocalCommand echo connected to %h
    SetEnv TERM=xterm-256color LC_NOTE=laptop
    SendEnv LANG LC_*
    ForwardX11 yes
    LogLevel QUIET
    VisualHostKey yes
    UpdateHostKeys ask
    ControlMaster auto
    ControlPath ~/.ssh/cm-%r@%h:%p
    ControlPersist 10m
    EscapeChar none
    AddKeysToAgent yes
    UseKeychain yes
Host *
    ServerAliveInterval 0
"""


def test_configuration_with_everything_in_it_works_as_without(new_laptop, pool):
    """R43."""
    laptop = new_laptop("carol")
    with ssh_config(pool, "carol", EVERYTHING):
        assert laptop.call("list", "--ap", "ap").returncode == 0
        assert "ok    ssh can forward to a socket there" in laptop.call("doctor", "--ap", "ap").stdout


def test_broken_configuration_is_said_to_be_the_reason(new_laptop, pool):
    laptop = new_laptop("carol")
    for text in ("\ufeffHost ap\n", "Host ap\n Nonsense yes\n"):
        with ssh_config(pool, "carol", text):
            done = laptop.call("list", "--ap", "ap")
            assert done.returncode == 2, done
            assert "ssh can't use its configuration" in done.stderr


def test_unknown_job_is_said_to_be_unknown_before_ssh_speaks(carol):
    assert carol.call("config", "ap", "ap").returncode == 0
    assert carol.call("ssh-config", "--write").returncode == 0
    for name in (f"no{secrets.token_hex(3)}", "99999"):
        done = carol.pool.exec("laptop", ["ssh", f"jupyter-{name}", "true"], user="carol", env=carol.env, timeout=60)
        assert done.returncode == 255
        *ours, by_ssh = done.stderr.splitlines()
        assert any(name in line for line in ours), done
        assert by_ssh.startswith("Connection closed by UNKNOWN")
