"""What ssh is told."""

import pytest

from chtc_jupyter.errors import UsageError
from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.failures import Retry


@pytest.mark.parametrize("ap", ["ap", "alice@ap.example.org", "ap-2", "a.b@[::1]", "10.0.0.1"])
def test_access_points_are_taken(ap):
    assert openssh.validate_access_point(ap) == ap


@pytest.mark.parametrize("ap", ["", "-oProxyCommand=x", "a b", "ap;x", "$(x)", "a@b@c", "ap\n", "@ap", "alice@-x"])
def test_words_that_are_no_access_point_are_refused(ap):
    with pytest.raises(UsageError):
        openssh.validate_access_point(ap)


def test_remote_command_has_nothing_that_any_shell_would_read():
    remote = openssh.build_bootstrap(12345, "tag")
    inner = remote.removeprefix('exec python3 -IS -c "').removesuffix('" tag')
    assert not set(inner) & set('"$`\\!\n')


def test_forward_is_to_loopback_alone_and_nothing_follows_the_destination_but_the_command():
    words = openssh.build_command("ap", "true", forward=openssh.Forward(4000, "/tmp/x/lab"), batch=True, patience=3)
    assert words[words.index("-L") + 1] == "127.0.0.1:4000:/tmp/x/lab"
    assert words[-3:] == ["--", "ap", "true"]
    assert "BatchMode=yes" in words
    added = openssh.build_forward_command("ap", "/run/s", openssh.Forward(4000, "/tmp/x/lab"))
    assert added[added.index("-L") + 1] == "127.0.0.1:4000:/tmp/x/lab"
    assert added[1:3] == ["-F", "none"]


def test_the_session_has_a_connection_of_its_own_whatever_the_users_config_shares():
    leg = openssh.build_command("ap", "true", master="/run/s")
    assert {"ControlMaster=yes", "ControlPath=/run/s", "ControlPersist=no"} <= set(leg)
    alone = openssh.build_command("ap", "true", forward=openssh.Forward(4000, "/tmp/x/lab"))
    assert {"ControlMaster=no", "ControlPath=none"} <= set(alone)
    joins = openssh.build_command("ap", "true", share="/run/s")
    assert {"ControlMaster=no", "ControlPath=/run/s"} <= set(joins)
    assert not [word for word in openssh.build_command("ap", "true") if word.startswith("ControlPath")]


def test_forward_from_a_socket_names_both_sockets():
    forward = openssh.Forward("/run/user/1/lab-1", "/tmp/x/lab")
    assert "/run/user/1/lab-1:/tmp/x/lab" in openssh.build_forward_command("ap", "/run/s", forward)
    assert "/run/user/1/lab-1:/tmp/x/lab" in openssh.build_command("ap", "true", forward=forward)


def test_what_the_users_config_forwards_is_left_out():
    for options in ({}, {"master": "/run/s"}, {"share": "none"}, {"tty": True}, {"keep": True}):
        assert "ClearAllForwardings=yes" in openssh.build_command("ap", "true", **options)
    # Our own would be left out with it, where it is on the command line.
    forwarded = openssh.build_command("ap", "true", forward=openssh.Forward(4000, "/tmp/x/lab"))
    assert "ClearAllForwardings=yes" not in forwarded
    assert "ExitOnForwardFailure=no" in forwarded


def test_waits_grow_and_stay_short_while_nothing_reaches_the_access_point():
    for retry, longest in ((Retry.SOON, 0.5), (Retry.LATER, 60)):
        waits = [openssh.get_retry_delay(retry, attempt) for attempt in range(30)]
        assert waits == sorted(waits)
        assert (waits[0], waits[-1]) == (0, longest)
