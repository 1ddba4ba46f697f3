"""The address for the browser: good once, briefly, for the user of this machine who runs the launcher."""

import os
import socket

import pytest

from chtc_jupyter.proxy.one_time import PREFIX, OneTimeAddress, Visit, find_peer

OWN = os.getuid() if hasattr(os, "getuid") else None


def test_address_is_good_once_and_for_two_minutes():
    now = [0.0]
    addresses = OneTimeAddress(lambda: now[0])
    first, late = addresses.give_out(), addresses.give_out()
    assert first != late
    assert len(first) > len(PREFIX) + 30
    assert addresses.take(first, OWN) is Visit.FIRST
    assert addresses.take(first, OWN) is Visit.AGAIN
    now[0] = 121.0
    assert addresses.take(late, OWN) is Visit.UNKNOWN
    for guess in (PREFIX, f"{PREFIX}x", PREFIX + first[:-1]):
        assert addresses.take(guess, OWN) is Visit.UNKNOWN


@pytest.mark.skipif(OWN is None, reason="this machine has no users to tell apart")
def test_another_user_gets_nowhere_and_uses_nothing_up():
    addresses = OneTimeAddress()
    address = addresses.give_out()
    assert addresses.take(address, OWN + 1) is Visit.STRANGER
    assert addresses.take(f"{PREFIX}x", OWN + 1) is Visit.UNKNOWN
    assert addresses.take(address, None) is Visit.FIRST
    assert addresses.take(address, OWN + 1) is Visit.STRANGER


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="only Linux says who is at the other end")  # noqa: PTH110
def test_user_at_the_other_end_of_a_connection_is_found():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        accepted, _ = server.accept()
        with accepted:
            assert find_peer(accepted) == OWN
