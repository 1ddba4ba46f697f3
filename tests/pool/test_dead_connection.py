"""A connection that is open and dead: each command ends within half a minute, or goes around it."""

import time

import pytest

from support.laptop import laptops
from support.own_sshd import own_sshd, ssh_config

pytestmark = pytest.mark.slow

SHARED = """\
Host shared inner
 HostName ap
 HostKeyAlias ap
 Port {port}
Host {who}
 ControlMaster auto
 ControlPersist 2h
 ControlPath ~/.ssh/cm-%C
Host inner
 ProxyJump hop
Host hop
 HostName ap
 HostKeyAlias ap
 Port {port}
"""
VERBS = (["list"], ["status", "x"], ["logs", "x"], ["stop", "x"], ["attach", "99999"])


@pytest.fixture
def network(own_pool):
    """Yield a pool whose laptop is connected again at the end."""
    yield own_pool
    own_pool.heal("laptop")


def timed(laptop, *argv):
    started = time.monotonic()
    done = laptop.call(*argv, timeout=100)
    return done, time.monotonic() - started


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("ap", ["shared", "inner"])
def test_dead_connection_of_the_users_own_ends_every_verb_within_half_a_minute(network, ap):
    """R21."""
    with laptops(network) as new, own_sshd(network) as sshd:
        laptop = new("carol", ap=ap)
        text = SHARED.format(port=sshd.port, who="shared" if ap == "shared" else "hop")
        with ssh_config(network, "carol", text):
            opened = ["ssh", ap, "true"]
            network.exec("laptop", opened, user="carol", check=True)
            assert laptop.call("list", "--ap", ap).returncode == 0
            network.cut("laptop")
            for verb in VERBS:
                done, seconds = timed(laptop, *verb, "--ap", ap)
                # There is no terminal, which attach asks for first.
                assert done.returncode in ((2,) if verb[0] == "attach" else (10, 255)), done
                assert seconds < 30, (verb, seconds)
                assert "Traceback" not in done.stderr
                assert done.stderr.strip()
            network.heal("laptop")
            done, seconds = timed(laptop, "list", "--ap", ap)
            assert done.returncode == 0, done
            assert seconds < 30


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_dead_connection_that_ssh_into_a_session_shares_ends_it_within_half_a_minute(network):
    """R21: the connection is our own, and silent before its ssh has noticed."""
    with laptops(network) as new:
        laptop = new("carol")
        assert laptop.call("config", "ap", "ap").returncode == 0
        assert laptop.call("ssh-config", "--write").returncode == 0

        def enter():
            started = time.monotonic()
            done = network.exec("laptop", ["ssh", "jupyter-99999", "true"], user="carol", env=laptop.env, timeout=100)
            return done, time.monotonic() - started

        first, _ = enter()
        assert "job 99999 is not running" in first.stderr, first
        network.cut("laptop")
        done, seconds = enter()
        network.heal("laptop")
        assert done.returncode == 255
        assert seconds < 30
        assert "was lost, or could not be made" in done.stderr, done
        again, _ = enter()
        assert "job 99999 is not running" in again.stderr, again
