"""A server that another user of the machine floods with connections."""

import contextlib
import resource
import socket

import pytest

from support.jupyter_server import serve
from support.waiting import let_pass, wait_for

pytestmark = pytest.mark.xdist_group("server_extension")


def test_a_flood_of_connections_fills_no_log_and_ends_with_those_who_made_it(tmp_path):
    pytest.importorskip("jupyter_server")
    asked = str(tmp_path / "asked")
    with serve(tmp_path, SessionExtension={"socket": asked}) as server, contextlib.ExitStack() as flood:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (100, 100))
        for _ in range(120):
            flood.enter_context(socket.create_connection(("127.0.0.1", server.port), 20))
        log = tmp_path / "log"
        wait_for(lambda: "too many connections" in log.read_text(), 30, log.read_text)
        before = log.stat().st_size
        one = flood.enter_context(socket.socket(socket.AF_UNIX))
        one.connect(asked)  # as the supervisor, which has other descriptors
        let_pass(3)
        assert log.stat().st_size - before < 10_000
        flood.close()
        assert "started" in wait_for(lambda: answer(server), 30, log.read_text)


def answer(server):
    with contextlib.suppress(OSError):
        return server.ask("/api/status")
