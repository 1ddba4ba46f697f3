"""The launcher's own port: it leads to the server, or says why not."""

import asyncio
import contextlib

import pytest

from chtc_jupyter.errors import PortError
from chtc_jupyter.proxy import http_head
from chtc_jupyter.proxy.http_head import Notice
from chtc_jupyter.proxy.local_proxy import LocalProxy

GET = b"GET /lab?token=%s HTTP/1.1\r\nHost: 127.0.0.1:1\r\nAccept: text/html\r\n\r\n"


async def serve(reader, writer):
    """Answer each request by its own head and body, as a server that keeps connections."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            raw = await reader.readuntil(b"\r\n\r\n")
            head = http_head.parse_head(raw)
            if head.upgrade:
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
                while data := await reader.read(100):
                    writer.write(data.upper())
                break
            body = raw + await reader.readexactly(head.length)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    writer.close()


class Bench:
    """A gate, and a server to lead to."""

    def __init__(self):
        self.notice = Notice("Queued & <waiting>", ("For a machine.",))
        self.misuse = []
        self.gate = LocalProxy(lambda: self.notice, lambda: {"name": "lab"}, self.misuse.append)

    async def __aenter__(self):
        await self.gate.listen(0)
        self.server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        await self.gate.close()
        self.server.close()

    async def open(self):
        return await asyncio.open_connection("127.0.0.1", self.gate.port)

    async def ask(self, request):
        reader, writer = await self.open()
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(100_000), 20)
        writer.close()
        return answer.decode()


def on_bench(test):
    async def run():
        async with Bench() as bench:
            await test(bench)

    def wrapped():
        asyncio.run(run())

    wrapped.__name__ = test.__name__
    return wrapped


async def answer_of(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    return await reader.readexactly(length)


@on_bench
async def test_while_there_is_no_way_a_page_says_why(bench):
    page = await bench.ask(GET % b"x")
    assert page.startswith("HTTP/1.1 503")
    assert "Queued &amp; &lt;waiting&gt;" in page
    assert "For a machine." in page
    told = await bench.ask(b"GET /api HTTP/1.1\r\nHost: localhost:1\r\n\r\n")
    assert "application/json" in told


@on_bench
async def test_requests_of_one_connection_go_to_the_server_with_their_bodies(bench):
    bench.gate.lead(bench.port, "now")
    reader, writer = await bench.open()
    for body in (b"", b"abc" * 100_000, b"x"):
        request = b"POST /api HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        writer.write(request)
        assert await answer_of(reader) == request
    writer.close()


@on_bench
async def test_a_former_token_of_the_session_opens_its_new_server_and_no_other_does(bench):
    bench.gate.lead(bench.port, "first-token")
    bench.gate.cut()
    bench.gate.lead(bench.port, "second-token")
    reader, writer = await bench.open()
    for token, seen in ((b"first-token", b"second-token"), (b"other-token", b"other-token")):
        writer.write(GET % token)
        assert seen in await answer_of(reader)
    writer.close()


@on_bench
async def test_notebook_that_is_saved_meanwhile_waits_for_the_way_to_be_back_or_the_end(bench):
    request = b"PUT /api/contents/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\nsave"
    look = b"GET /api/contents/a?content=0&1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    reader, writer = await bench.open()
    writer.write(request)
    await bench.ask(GET % b"x")
    bench.gate.lead(bench.port, "now")
    assert await answer_of(reader) == request
    writer.close()
    bench.gate.cut()
    saving, looking = asyncio.create_task(bench.ask(request)), asyncio.create_task(bench.ask(look))
    await bench.ask(GET % b"x")
    assert not saving.done()
    assert not looking.done()
    bench.notice = Notice("Ended", over=True)
    assert "503" in await saving
    assert "503" in await looking


@on_bench
async def test_websocket_waits_for_the_way_to_be_back(bench):
    reader, writer = await bench.open()
    writer.write(b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    await asyncio.sleep(0)
    bench.gate.lead(bench.port, "now")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"HELLO"
    bench.gate.cut()
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


@on_bench
async def test_end_of_the_session_is_said_at_once(bench):
    bench.gate.lead(bench.port, "now")
    bench.gate.cut()
    bench.notice = Notice("Ended: idle", over=True)
    assert "Ended: idle" in await bench.ask(GET % b"now")


@on_bench
async def test_what_is_no_request_is_dropped(bench):
    bench.gate.lead(bench.port, "now")
    for junk in (b"\0\1\2\r\n\r\n", b"GET\r\n\r\n", b"GET / FTP/1\r\n\r\n", b"x" * 300_000):
        with contextlib.suppress(ConnectionError):
            assert await bench.ask(junk) == ""
    reader, writer = await bench.open()
    writer.write(GET % b"now")
    assert b"token=now" in await answer_of(reader)
    writer.close()


@on_bench
async def test_facts_are_for_this_machine_alone(bench):
    request = b"GET /chtc-jupyter/status HTTP/1.1\r\nHost: %s\r\n\r\n"
    assert '"name": "lab"' in await bench.ask(request % b"127.0.0.1:80")
    assert '"name"' not in await bench.ask(request % b"evil.example:80")


@on_bench
async def test_taken_port_is_said_so(bench):
    with pytest.raises(PortError):
        await LocalProxy(lambda: bench.notice, dict).listen(bench.gate.port)


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 1_0",
        b"Content-Length: +10",
        b"Content-Length: 10, 10",
        b"Content-Length: 10\r\nContent-Length: 10",
        b"Content-Length: \xb2",
        b"Content-Length: 10\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Host: evil.example\r\nHost: 127.0.0.1",
        b"Host : 127.0.0.1",
        b" Host: 127.0.0.1",
        b"No colon",
        b"X: a\nContent-Length: 10",
    ],
)
def test_request_whose_end_or_host_is_unclear_is_refused(fields):
    with pytest.raises(ValueError, match=r"not a|unclear|is there|unpack"):
        http_head.parse_head(b"POST /api HTTP/1.1\r\n" + fields + b"\r\n\r\n")


@pytest.mark.parametrize(
    "first", [b"GET / HTTP/2", b"GET / HTTP/1.1.1", b"G@T / HTTP/1.1", b"GET /", b"GET / / HTTP/1.1", b""]
)
def test_request_line_is_one_of_http_1(first):
    with pytest.raises(ValueError, match=r"not a|unclear|is there|unpack"):
        http_head.parse_head(first + b"\r\n\r\n")


def test_request_is_read_as_it_stands():
    head = http_head.parse_head(
        b"POST /a?b=1 HTTP/1.1\r\nhost: [::1]:8\r\nCONTENT-LENGTH: 010\r\nAccept: a\r\nAccept: text/html\r\n\r\n"
    )
    assert (head.method, head.path, head.query, head.host) == ("POST", "/a", "b=1", "[::1]")
    assert (head.length, head.chunked, head.upgrade, head.wants_page) == (10, False, False, True)


@on_bench
async def test_one_time_address_leads_a_browser_to_lab_once(bench):
    bench.gate.lead(bench.port, "s3cret")
    path = bench.gate.give_out_address().removeprefix(f"http://127.0.0.1:{bench.gate.port}").encode()
    assert b"s3cret" not in path
    get = b"GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/html\r\n\r\n"
    assert "410 Gone" in await bench.ask(get % (path, b"evil.example:1"))
    assert "410 Gone" in await bench.ask((get % (path, b"127.0.0.1:1")).replace(b"GET", b"HEAD"))
    first = await bench.ask(get % (path, b"127.0.0.1:1"))
    assert first.startswith("HTTP/1.1 302 ")
    assert "Location: /lab?token=s3cret\r\n" in first
    again = await bench.ask(get % (path, b"127.0.0.1:1"))
    assert "410 Gone" in again
    assert "s3cret" not in again
    assert "location.reload" not in again
    assert [visit.value for visit in bench.misuse] == ["again"]
