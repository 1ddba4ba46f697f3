"""A host on the way that asks at each login: nothing asks there by itself, and nothing knocks there in vain."""

import contextlib
import secrets

import pytest

from support.laptop import laptops
from support.own_sshd import SECOND_FACTOR, own_sshd, ssh_config
from support.waiting import assert_never, wait_for

pytestmark = pytest.mark.slow

HOSTS = """\
Host jumpbox
 HostName ap
 HostKeyAlias ap
 Port {port}
 PreferredAuthentications publickey,keyboard-interactive
Host first
 HostName ap
 HostKeyAlias ap
Host ap
 HostKeyAlias ap
"""
WAYS = {
    "jump": "Host inner\n HostName ap\n HostKeyAlias ap\n ProxyJump jumpbox\n",
    "user and port": "Host inner\n HostName ap\n HostKeyAlias ap\n ProxyJump carol@ap:{port}\n",
    "nested": "Host inner\n HostName ap\n HostKeyAlias ap\n ProxyJump first,jumpbox\n",
    "match": 'Host inner\n HostName ap\n HostKeyAlias ap\nMatch host ap !exec "false"\n ProxyJump jumpbox\n',
    "command": "Host inner\n HostName ap\n HostKeyAlias ap\n ProxyCommand ssh -q -W %h:%p jumpbox\n",
    "absolute": "Host inner\n HostName ap\n HostKeyAlias ap\n ProxyCommand /usr/bin/ssh -W %h:%p jumpbox\n",
    "shared": "Host inner\n HostName ap\n HostKeyAlias ap\n ProxyJump jumpbox\n"
    "Host jumpbox\n ControlMaster auto\n ControlPersist 2h\n ControlPath ~/.ssh/cm-%C\n",
}


@contextlib.contextmanager
def bastion(pool, way):
    """Yield an sshd that wants carol's password after her key, her password, and the way through it."""
    password = secrets.token_hex(8)
    pool.exec("ap", ["chpasswd"], input=f"carol:{password}\n", check=True)
    with own_sshd(pool, *SECOND_FACTOR) as sshd:
        text = (WAYS[way] + HOSTS).format(port=sshd.port)
        with ssh_config(pool, "carol", text):
            yield sshd, password


@pytest.fixture
def network(own_pool):
    yield own_pool
    own_pool.heal("laptop")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", WAYS)
def test_after_a_cut_nobody_is_asked_until_they_say_so(network, way):
    """R10."""
    with laptops(network) as new, bastion(network, way) as (sshd, password):
        laptop = new("carol", ap="inner")
        running = laptop.start(tty=True)
        running.wait_for("assword:")
        running.type(f"{password}\n")
        url = running.url()
        assert sshd.questions() == 1
        network.cut("laptop")
        wait_for(lambda: "can't be reached" in running.read() or "reconnecting" in running.read(), 60, "the cut")
        assert_never(lambda: "log in again" in running.read(), 25, "nobody is there to ask")
        network.heal("laptop")
        wait_for(lambda: "wants you to log in again" in running.read(), 90, "the request to log in")
        printed = len(running.read())
        assert_never(
            lambda: sshd.questions() > 1 or "assword" in running.read()[printed:],
            100,
            "it asks although nobody has answered",
        )
        before = sshd.questions()
        running.type("\n")
        wait_for(lambda: "assword:" in running.read()[printed:], 40, "ssh to ask")
        running.type(f"{password}\n")
        wait_for(lambda: laptop.answers(url), 60, "the way to be back")
        assert sshd.questions() == before + 1
        assert running.read().count("wants you to log in again") == 1


@pytest.mark.xdist_group("carol")
@pytest.mark.parametrize("way", ["direct", "jump"])
def test_server_that_is_silent_while_a_person_answers_elsewhere_is_waited_for(new_laptop, pool, way):
    """A push to a telephone, say: the server says nothing until it is answered."""
    laptop, slow = new_laptop("carol", ap="slow"), "/usr/local/bin/slow-keys"
    pool.put("ap", slow, b"#!/bin/sh\nsleep 25\ncat /home/$1/.ssh/authorized_keys\n", mode=0o755)
    lines = (f"AuthorizedKeysCommand {slow} %u", "AuthorizedKeysCommandUser root", "AuthorizedKeysFile none")
    with own_sshd(pool, *lines) as sshd:
        host = f"HostName ap\n HostKeyAlias ap\n Port {sshd.port}\n"
        text = f"Host slow\n {host}"
        if way == "jump":
            text = f"Host slow\n HostName ap\n HostKeyAlias ap\n ProxyJump bastion\nHost bastion\n {host}"
        with ssh_config(pool, "carol", text):
            done = laptop.call("list", "--ap", "slow")
    assert done.returncode == 0, done
    assert "hasn't accepted the login for" in done.stderr
