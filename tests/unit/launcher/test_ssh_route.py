"""The way that ssh's configuration takes to the access point."""

import pytest

from chtc_jupyter.ssh.route import Route, parse_settings


@pytest.mark.parametrize(
    ("route", "has_hops", "can_be_led", "options"),
    [
        (Route(), False, False, []),
        (Route(jump="a,b"), True, True, []),
        (Route(proxy="ssh -W %h:%p jumpbox"), True, True, []),
        (Route(proxy="exec ssh -q -W %h:%p jumpbox"), True, True, []),
        (Route(proxy="/usr/bin/ssh -W %h:%p box"), True, True, ["-o", "ProxyCommand=/x/ssh -W %h:%p box"]),
        (Route(proxy="~/bin/through-ssh %h %p"), True, False, []),
        (Route(proxy="nc %h %p"), False, False, []),
    ],
)
def test_hosts_on_the_way_are_known_and_led_where_an_ssh_reaches_them(route, has_hops, can_be_led, options):
    assert (route.has_hops, route.can_be_led(), route.build_options("/x/ssh")) == (has_hops, can_be_led, options)


def test_settings_that_are_none_are_none():
    text = "host ap\nproxyjump none\nControlPath /a b\nidentityfile x\nidentityfile y\n"
    assert parse_settings(text) == {"host": "ap", "controlpath": "/a b", "identityfile": "x"}
