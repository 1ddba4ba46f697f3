"""The user at the other end of a connection within this machine."""

import os
import socket

import pytest

from chtc_jupyter.proxy import peer

linux = pytest.mark.skipif(not peer.can_tell(), reason="only Linux tells who is at the other end")


@linux
@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_own_end_is_known(family, address):
    with socket.create_server((address, 0), family=family) as server:
        with socket.create_connection(server.getsockname()[:2]) as client:
            accepted, _ = server.accept()
            assert peer._find_user(accepted) == os.getuid()
            assert not peer.is_stranger(accepted)
            assert client.fileno() > 0
        # Its process has let go of it: nobody can tell whose it was.
        assert peer._find_user(accepted) is None
        assert peer.is_stranger(accepted)
        accepted.close()


@linux
def test_another_user_is_a_stranger(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        accepted, _ = server.accept()
        with accepted:
            for user, stranger in ((12345, True), (os.getuid(), False), (0, False), (None, True)):
                monkeypatch.setattr(peer, "_find_user", lambda _, user=user: user)
                assert peer.is_stranger(accepted) is stranger


def test_nobody_is_a_stranger_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.setattr(peer, "can_tell", lambda: False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not peer.is_stranger(server)
