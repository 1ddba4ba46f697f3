"""The connection to the agent: which of ssh's lines are the reason of a failure, and that each wait has an end."""

import asyncio
import contextlib
import os
import socket
import threading

import pytest

from chtc_jupyter.errors import NoAnswerError
from chtc_jupyter.ssh import agent_client, relay
from chtc_jupyter.ssh.agent_client import HERE, AgentClient, LinkFailedError, Way

SSH = """#!/bin/sh
cat >&2 <<END
OpenSSH_9.2p1 Debian-2+deb12u6, OpenSSL 3.0.19 27 Jan 2026
debug1: Connecting to ap [10.0.0.1] port 22.
Authenticated to ap ([10.0.0.1]:22) using "publickey".
bash: no home folder
Transferred: sent 3200, received 2900 bytes, in 0.1 seconds
Bytes per second: sent 32000.0, received 29000.0
END
exit 1
"""


def test_what_ssh_adds_with_v_is_never_the_reason_of_a_failure(tmp_path, monkeypatch):
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(LinkFailedError) as caught:
        asyncio.run(AgentClient.open("ap"))
    assert str(caught.value) == "The agent on ap ended at once: bash: no home folder."


@pytest.mark.parametrize("asks", [False, True])
def test_a_login_that_hangs_is_told_once_unless_ssh_asks_for_a_password(tmp_path, monkeypatch, asks):
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexec sleep 60\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(agent_client, "_LONG_LOGIN", 0.1)
    monkeypatch.setattr(agent_client, "terminal_asks", lambda: asks)
    said = []
    with pytest.raises(LinkFailedError) as caught:
        asyncio.run(AgentClient.open("ap", login=2.5, on_wait=said.append))
    assert str(caught.value) == "ap does not answer, or waits for a login: try `ssh ap` by hand first."
    assert len(said) == (0 if asks else 1)
    for sentence in said:
        assert sentence.startswith(
            "ap hasn't accepted the login for 1 s. If ssh asks you something, answer it. This ends"
        )


def test_a_file_system_that_hangs_is_told_and_other_requests_go_on(tmp_path):
    """A FIFO that nobody writes to is read as a file on a server that is away."""
    os.mkfifo(tmp_path / "fifo")

    async def read():
        link = await AgentClient.open(HERE)
        try:
            with pytest.raises(NoAnswerError, match=r"gave no answer within 0 s \(.*fifo\): its file system may hang"):
                await link.ask("read", path=str(tmp_path / "fifo"), patience=0.3)
            return (await link.ask("list", path=str(tmp_path)))["names"]
        finally:
            await link.close()

    assert asyncio.run(asyncio.wait_for(read(), 20)) == ["fifo"]


class Echo(threading.Thread):
    """A server at the socket of a tunnel: sends back what it gets until the end, and then a word of its own."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(f"{folder}/lab")
        self.server.listen()
        self.start()

    def run(self):
        while True:
            connection = self.server.accept()[0]
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(100_000):
                connection.sendall(data)
            connection.sendall(b"the end")


class Flood(Echo):
    """A server that sends without an end, whether anybody reads or not."""

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            while True:
                connection.sendall(b"x" * 100_000)


def test_browser_that_leaves_a_connection_through_the_agent_ends_it_at_both_ends():
    async def run():
        link = await AgentClient.open(HERE)
        try:
            Flood(link.folder)
            reader, writer = await relay.open_relay(link)
            assert await reader.readexactly(1_000_000)
            writer.close()
            await asyncio.wait(list(relay._at_work))
            await link.ask("list", path="/")
        finally:
            await link.close()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_connections_through_the_agent_carry_bytes_both_ways_beside_requests():
    sent = [os.urandom(8_000_000), b"", b"short", os.urandom(700_001)]

    async def carry(link, data):
        reader, writer = await relay.open_relay(link)
        writer.write(data)
        writer.write_eof()
        await link.ask("list", path="/")
        got = await reader.read()
        writer.close()
        return got

    async def run():
        link = await AgentClient.open(HERE)
        try:
            Echo(link.folder)
            return await asyncio.gather(*(carry(link, data) for data in sent))
        finally:
            await link.close()

    assert asyncio.run(asyncio.wait_for(run(), 60)) == [data + b"the end" for data in sent]


def test_connection_through_the_agent_that_is_not_read_delays_nothing_else_and_ends_with_the_link():
    async def run():
        link = await AgentClient.open(HERE)
        Echo(link.folder)
        reader, writer = await relay.open_relay(link)
        writer.write(b"x" * 20_000_000)
        for _ in range(20):
            await link.ask("list", path="/")
        await link.close()
        with contextlib.suppress(OSError):
            assert len(await reader.read()) < 20_000_000
        writer.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_connection_through_the_agent_to_nothing_ends_at_once():
    async def run():
        link = await AgentClient.open(HERE)
        try:
            reader, writer = await relay.open_relay(link)
            got = await reader.read()
            writer.close()
            return got, await link.choose_way()
        finally:
            await link.close()

    assert asyncio.run(asyncio.wait_for(run(), 30)) == (b"", Way.NONE)
