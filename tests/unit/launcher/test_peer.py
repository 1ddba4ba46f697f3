"""The user at the other end of a connection within this machine."""

import os
import socket

import pytest

from chtc_jupyter.proxy import peer
from chtc_jupyter.proxy.peer import Peer

linux = pytest.mark.skipif(not peer.can_tell(), reason="only Linux tells who is at the other end")


@linux
@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_own_end_is_known(family, address):
    with socket.create_server((address, 0), family=family) as server:
        with socket.create_connection(server.getsockname()[:2]) as client:
            accepted, _ = server.accept()
            assert peer._find_user(accepted) == os.getuid()
            assert peer.identify(accepted) is Peer.OURS
            assert client.fileno() > 0
        # Its process has let go of it: nobody can tell whose it was.
        assert peer._find_user(accepted) is None
        assert peer.identify(accepted) is Peer.GONE
        accepted.close()


@linux
def test_another_user_is_a_stranger(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        accepted, _ = server.accept()
        with accepted:
            for user, who in ((12345, Peer.OTHERS), (os.getuid(), Peer.OURS), (0, Peer.OURS), (None, Peer.GONE)):
                monkeypatch.setattr(peer, "_find_user", lambda _, user=user: user)
                assert peer.identify(accepted) is who


def test_nobody_is_a_stranger_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.setattr(peer, "can_tell", lambda: False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert peer.identify(server) is Peer.OURS
