"""The launcher's own port: it lets its user's browser through to JupyterLab, and says why there is none."""

import asyncio
import contextlib
import http.client
import itertools
import logging
import re
import socket

import pytest

from chtc_jupyter.errors import LauncherError, PortError
from chtc_jupyter.proxy import local_proxy, pages, peer
from chtc_jupyter.proxy.access import Access, build_host_name
from chtc_jupyter.proxy.connections import Connections, compute_most
from chtc_jupyter.proxy.local_proxy import LocalProxy
from chtc_jupyter.proxy.one_time import Visit
from chtc_jupyter.proxy.pages import Notice
from chtc_jupyter.proxy.peer import Peer

HOST = "lab-1a2b3c.localhost"
LOGIN = "username-lab"


async def serve(reader, writer):
    """Answer as a server that keeps connections: a login by the token, what was asked for otherwise."""
    try:
        while True:
            raw = await reader.readuntil(b"\r\n\r\n")
            text = raw.decode("latin-1")
            if text.startswith("GET /api/me ") and "Authorization: token good" in text:
                writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: _xsrf=x; Path=/\r\n")
                writer.write(f"Set-Cookie: {LOGIN}=jupyters; Path=/\r\nContent-Length: 2\r\n\r\n{{}}".encode())
            elif text.startswith("GET /api/me "):
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            elif "upgrade: websocket" in text.lower():
                host = re.sub(r"[^A-Za-z0-9]", "-", re.search(r"Host: (\S+)", text)[1])
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
                writer.write(f"Set-Cookie: username-{host}=x; Path=/\r\n\r\n".encode())
                while data := await reader.read(100):
                    writer.write(data.upper())
                break
            elif found := re.match(r"(?:GET|HEAD) /kind/(\w+) ", text):
                await serve_kind(writer, found[1])
                if found[1] == "never":
                    await reader.read()
                    break
            else:
                length = re.search(r"content-length: (\d+)", text, re.IGNORECASE)
                body = raw + await reader.readexactly(int(length[1]) if length else 0)
                host = re.sub(r"[^A-Za-z0-9]", "-", re.search(r"Host: (\S+)", text)[1])
                fields = b"Set-Cookie: %s=newer; Path=/\r\nSet-Cookie: own=1\r\n" % LOGIN.encode()
                fields += f"Set-Cookie: username-{host}=of this address; Path=/\r\n".encode()
                writer.write(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (fields, len(body)) + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve_kind(writer, kind):
    """Answer in a way that is not the common one, with KIND."""
    if kind == "slow":
        await asyncio.sleep(1.2)  # the browser is watched by then
    if kind == "parts":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-")
        await writer.drain()
        await asyncio.sleep(0.05)  # so that they come one after the other
        writer.write(b"Length: 300000\r\n\r\n")
    elif kind == "chunked":
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    elif kind == "unchanged":
        writer.write(b"HTTP/1.1 304 Not Modified\r\nEtag: a\r\n\r\n")
    elif kind == "never":
        pass
    elif kind == "head":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n")
    else:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"abc" * (1 if kind == "cut" else 100_000))
    if kind == "parts":
        writer.write(b"abc" * 100_000)
    await writer.drain()
    if kind == "cut":
        writer.close()


class Bench:
    """A local port, and a server to lead to."""

    def __init__(self, connections=None):
        self.notice = Notice("Queued & <waiting>", ("For a machine.",))
        self.misuse = []
        self.waiting = 0  # connections that the server has
        self.proxy = LocalProxy(
            Access(HOST), lambda: self.notice, lambda: {"up": self.proxy.up}, self.misuse.append, connections
        )

    async def __aenter__(self):
        await self.proxy.listen(0)
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        await self.proxy.close()
        self.server.close()

    async def serve(self, reader, writer):
        self.waiting += 1
        try:
            await serve(reader, writer)
        finally:
            self.waiting -= 1

    async def wait_until(self, condition):
        deadline = asyncio.get_running_loop().time() + 20
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, "in vain"
            await asyncio.sleep(0.05)

    async def route(self):
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def lead(self, token="good"):  # noqa: S107
        await self.proxy.lead(self.route, token)

    async def open(self):
        return await asyncio.open_connection("127.0.0.1", self.proxy.port)

    async def send(self, data):
        """Send bytes over a connection of its own; return all that comes back."""
        reader, writer = await self.open()
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            writer.write(data)
            return (await asyncio.wait_for(reader.read(), 20)).decode("latin-1")
        return ""

    def build(self, target="/lab", *fields, cookie=None, host=HOST, method="GET", body=b""):
        """Return a request of a browser that is signed in, unless another cookie is given."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}:{self.proxy.port}", "Accept: text/html", *fields]
        cookie = self.cookie() if cookie is None else cookie
        lines += [f"Cookie: a=b; {cookie}"] if cookie else []
        lines += [f"Content-Length: {len(body)}"] if body else []
        return "\r\n".join([*lines, "", ""]).encode() + body

    async def ask(self, *more, **how):
        """Make one request; return the answer."""
        return await self.send(
            self.build(*more, **{"method": "GET", **how}).replace(b"Accept", b"Connection: close\r\nAccept")
        )

    def cookie(self):
        return self.proxy.access.build_cookie().partition(": ")[2].partition(";")[0]

    async def visit(self, address, **how):
        return await self.ask(address.removeprefix(self.proxy.origin), **how)


def on_bench(test):
    async def run(*arguments):
        async with Bench() as bench:
            await test(bench, *arguments)

    def wrapped():
        asyncio.run(run())

    wrapped.__name__ = test.__name__
    return wrapped


async def answer_of(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    return await reader.readexactly(length)


@on_bench
async def test_who_asks_gets_no_login_of_jupyters_by_whatever_name(bench):
    await bench.lead()
    program = f"Authorization: token {bench.proxy.access.token}"
    for said in (await bench.ask(), await bench.ask("/lab", program, cookie="", host="127.0.0.1")):
        head = said.partition("\r\n\r\n")[0]
        assert "Set-Cookie: own=1" in head
        assert "username-" not in head


@on_bench
async def test_while_there_is_no_way_a_page_says_why(bench):
    page = await bench.ask()
    assert page.startswith("HTTP/1.1 503")
    assert "Queued &amp; &lt;waiting&gt;" in page
    assert "For a machine." in page
    told = await bench.send(bench.build("/api").replace(b"text/html", b"*/*"))
    assert "application/json" in told
    assert '{"up": false}' in await bench.ask(local_proxy.STATUS)


@on_bench
async def test_requests_of_one_connection_go_to_the_server_with_their_bodies(bench):
    await bench.lead()
    reader, writer = await bench.open()
    for body in (b"", b"abc" * 100_000, b"x"):
        writer.write(bench.build("/api?a=%20&a", method="POST", body=body))
        passed = await answer_of(reader)
        assert passed.startswith(b"POST /api?a=%20&a HTTP/1.1\r\n")
        assert passed.endswith(b"\r\n\r\n" + body)
    chunks = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    writer.write(bench.build("/api", method="PUT").removesuffix(b"\r\n") + chunks)
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).lower()
    assert b"200 ok" in head
    writer.close()


@on_bench
async def test_kinds_of_answers_follow_each_other_on_one_connection(bench):
    await bench.lead()
    kinds = {
        **dict.fromkeys(("long", "slow", "parts"), (200, b"abc" * 100_000)),
        "chunked": (200, b"abc"),
        "unchanged": (304, b""),
        "head": (200, b""),
    }

    def ask_all():
        client = http.client.HTTPConnection("127.0.0.1", bench.proxy.port, timeout=20)
        client.connect()
        socket_of_all = client.sock
        fields = {"Host": f"{HOST}:{bench.proxy.port}", "Cookie": bench.cookie(), "Connection": "keep-alive"}
        for kind, post in itertools.product((*kinds, *reversed(kinds)), (False, True)):
            client.request("HEAD" if kind == "head" else "GET", f"/kind/{kind}", headers=fields)
            answer = client.getresponse()
            assert (answer.status, answer.read()) == kinds[kind], kind
            if post:
                client.request("POST", "/api/x", body=b"new", headers=fields)
                assert client.getresponse().read().endswith(b"new")
        assert client.sock is socket_of_all
        client.request("GET", "/kind/cut", headers=fields)
        with pytest.raises(http.client.IncompleteRead):
            client.getresponse().read()
        socket_of_all.close()

    await asyncio.to_thread(ask_all)


@on_bench
async def test_browser_that_leaves_before_an_answer_ends_the_exchange(bench):
    await bench.lead()
    writers = []
    for kind in ("slow", "never"):
        _, writer = await bench.open()
        writer.write(bench.build(f"/kind/{kind}"))
        await writer.drain()
        writers.append(writer)
    await bench.wait_until(lambda: bench.waiting == len(writers))
    for writer in writers:
        writer.close()
    await bench.wait_until(lambda: not bench.waiting)


@on_bench
async def test_server_gets_its_own_cookie_and_never_ours_and_the_browser_never_its(bench):
    await bench.lead()
    passed = await bench.ask("/api/kernels")
    head, _, request = passed.partition("\r\n\r\n")
    assert f"Cookie: a=b; {LOGIN}=jupyters\r\n" in request
    assert bench.cookie() not in request
    assert "token" not in request
    assert "own=1" in head
    assert LOGIN not in head
    assert "Referrer-Policy: same-origin" in head
    renewed = await bench.ask("/api/kernels", cookie=f"{LOGIN}=forged; {bench.cookie()}")
    assert f"Cookie: a=b; {LOGIN}=newer\r\n" in renewed


@on_bench
async def test_who_has_no_cookie_of_this_launcher_gets_nowhere_and_learns_nothing(bench):
    await bench.lead()
    other = Access(HOST).build_cookie().partition(": ")[2].partition(";")[0]
    name = bench.cookie().partition("=")[0]
    for cookie in ("", other, f"{name}=", f"{name}=guess", f"{LOGIN}=jupyters", f"x{bench.cookie()}"):
        for target in ("/lab", "/lab?token=good", "/api", "/static/x", local_proxy.STATUS, "/chtc-jupyter/control"):
            answer = await bench.ask(target, "Authorization: token good", cookie=cookie)
            assert answer.startswith("HTTP/1.1 403"), (cookie, target)
            for secret in ("Queued", "For a machine", "jupyters", '"up"', bench.proxy.access.token):
                assert secret not in answer
    assert bench.proxy.requests == 0


@on_bench
async def test_foreign_host_is_refused_on_every_path(bench):
    await bench.lead()
    address = bench.proxy.give_out_address()
    for host in ("evil.example", "localhost", "127.0.0.1", f"x{HOST}", f"{HOST}.evil.example", "[::1]", ""):
        for target in ("/lab", "/api", local_proxy.STATUS, address.removeprefix(bench.proxy.origin)):
            assert (await bench.ask(target, host=host)).startswith("HTTP/1.1 403"), (host, target)
    assert "location.replace" in await bench.visit(address, cookie="")


@on_bench
async def test_page_of_another_origin_gets_nowhere_even_with_the_cookie(bench):
    await bench.lead()
    for origin in ("http://evil.example", "null", f"http://{HOST}:1", f"https://{HOST}:{bench.proxy.port}"):
        assert (await bench.ask("/lab", f"Origin: {origin}")).startswith("HTTP/1.1 403"), origin
    assert (await bench.ask("/lab", f"Origin: {bench.proxy.origin}")).startswith("HTTP/1.1 200")


@on_bench
async def test_address_signs_a_browser_in_once(bench):
    await bench.lead()
    address = bench.proxy.give_out_address()
    assert address.startswith(f"http://{HOST}:{bench.proxy.port}/chtc-jupyter/open/")
    first = await bench.visit(address, cookie="")
    cookie = re.search(r"Set-Cookie: (\S+=\S+); Path=/; HttpOnly; SameSite=Strict\r\n", first)
    assert first.startswith("HTTP/1.1 200")
    assert cookie
    assert (await bench.ask(cookie=cookie[1])).startswith("HTTP/1.1 200")
    again = await bench.visit(address, cookie="")
    assert again.startswith("HTTP/1.1 403")
    assert "Set-Cookie" not in again
    assert bench.misuse == [Visit.AGAIN]
    assert "location.replace" in await bench.visit(address)  # this browser is signed in
    assert bench.misuse == [Visit.AGAIN]
    for guess in ("", "x", address.rpartition("/")[2][:-1]):
        assert (await bench.ask(f"/chtc-jupyter/open/{guess}", cookie="")).startswith("HTTP/1.1 403")
    second = bench.proxy.give_out_address()
    assert (await bench.visit(second, cookie="", method="HEAD")).startswith("HTTP/1.1 403")
    assert "Set-Cookie" in await bench.visit(second, cookie="")


@on_bench
async def test_signing_out_of_jupyterlab_signs_out_here(bench):
    await bench.lead()
    cookie = bench.cookie()
    assert (await bench.ask("/logout", cookie=cookie)).startswith("HTTP/1.1 200")
    assert (await bench.ask(cookie=cookie)).startswith("HTTP/1.1 403")


@on_bench
async def test_program_has_a_token_of_the_launchers(bench):
    await bench.lead()
    address = bench.proxy.build_program_address()
    token = address.partition("?token=")[2]
    for how in ({"target": f"/api?token={token}&a=1"}, {"target": "/api?a=1", "more": f"Authorization: token {token}"}):
        for host in ("127.0.0.1", "localhost", HOST):
            answer = await bench.ask(how["target"], *([how["more"]] if "more" in how else []), cookie="", host=host)
            request = answer.partition("\r\n\r\n")[2]
            assert request.startswith("GET /api?a=1 HTTP/1.1\r\n"), answer
            assert "Authorization: token good\r\n" in request
            assert token not in request
            assert LOGIN not in request
    assert (await bench.ask(f"/lab?token={token[:-1]}", cookie="")).startswith("HTTP/1.1 403")


@on_bench
async def test_login_is_made_once_for_each_token_and_its_failure_is_an_error(bench):
    with pytest.raises(LauncherError, match="refused the login with status 403"):
        await bench.lead("bad")
    assert not bench.proxy.up
    await bench.lead()
    bench.proxy.cut()
    bench.server.close()
    await bench.proxy.lead(bench.route, "good")  # no request is made
    with pytest.raises(LauncherError, match="Can't reach JupyterLab"):
        await bench.proxy.lead(bench.route, "another")


@on_bench
async def test_notebook_that_is_saved_meanwhile_waits_for_the_way_to_be_back_or_the_end(bench):
    request = bench.build("/api/contents/a", method="PUT", body=b"save")
    look = bench.build("/api/contents/a?content=0&1")
    reader, writer = await bench.open()
    writer.write(request)
    await bench.ask()
    await bench.lead()
    assert (await answer_of(reader)).endswith(b"save")
    writer.close()
    bench.proxy.cut()
    saving, looking = asyncio.create_task(bench.send(request)), asyncio.create_task(bench.send(look))
    await bench.ask()
    assert not saving.done()
    assert not looking.done()
    bench.notice = Notice("Ended", over=True)
    assert "503" in await saving
    assert "503" in await looking


@on_bench
async def test_websocket_waits_for_the_way_to_be_back(bench):
    reader, writer = await bench.open()
    writer.write(bench.build("/ws", "Connection: Upgrade", "Upgrade: websocket"))
    await asyncio.sleep(0)
    await bench.lead()
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"HELLO"
    bench.proxy.cut()
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


@on_bench
async def test_end_of_the_session_is_said_at_once(bench):
    await bench.lead()
    bench.proxy.cut()
    bench.notice = Notice("Ended: idle", over=True)
    assert "Ended: idle" in await bench.ask()


@on_bench
async def test_what_is_no_request_is_dropped(bench):
    await bench.lead()
    for junk in (
        b"\0\1\2\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / FTP/1\r\n\r\n",
        b"x" * 300_000,
        bench.build("/", "Content-Length: 10, 11"),
        bench.build("/", "Content-Length: +10"),
        bench.build("/", "Transfer-Encoding: gzip"),
        bench.build("/", "Host: evil.example"),
        bench.build("/", "No colon"),
    ):
        assert await bench.send(junk) == ""
    assert (await bench.ask()).startswith("HTTP/1.1 200")


@on_bench
async def test_taken_port_is_said_so_for_either_protocol(bench):
    for family, address in local_proxy._LOOPBACK:
        with socket.create_server((address, 0), family=family) as taken, pytest.raises(PortError):
            await Bench().proxy.listen(taken.getsockname()[1])
    with pytest.raises(PortError):
        await Bench().proxy.listen(bench.proxy.port)


@on_bench
async def test_both_protocols_of_the_port_are_the_launchers(bench):
    await bench.lead()
    reader, writer = await asyncio.open_connection("::1", bench.proxy.port)
    writer.write(bench.build("/lab"))
    assert b"GET /lab" in await answer_of(reader)
    writer.close()


def test_two_thousand_connections_leave_room_for_a_good_request(caplog):
    """Within 3 s, and with nothing on the terminal, whether they are silent or have begun a request."""

    async def run():
        bench = Bench(Connections(most=100, most_unknown=32))
        async with bench:
            await bench.lead()
            held = []
            for number in range(2000):
                reader, writer = await bench.open()
                writer.write(b"" if number % 2 else b"GET / HT")
                held.append((reader, writer))
                if number % 500 == 499:
                    answer = await asyncio.wait_for(bench.ask(), 3)
                    assert answer.startswith("HTTP/1.1 200")
            assert len(bench.proxy._connections) <= 33
            for _, writer in held:
                writer.close()

    with caplog.at_level(logging.INFO):
        asyncio.run(run())
    assert caplog.records == []


def test_head_that_does_not_come_ends_the_connection(monkeypatch):
    monkeypatch.setattr(local_proxy, "_HEAD", 0.2)

    @on_bench
    async def ask(bench):
        assert await bench.send(b"GET / HT") == ""
        assert await bench.send(b"") == ""

    ask()


def test_connections_that_are_known_make_room_for_nobody():
    async def run():
        connections = Connections(most=3, most_unknown=2)
        tasks = [asyncio.create_task(asyncio.sleep(60)) for _ in range(6)]
        assert connections.admit(tasks[0])
        connections.trust(tasks[0])
        assert all(connections.admit(task) for task in tasks[1:4])
        await asyncio.sleep(0)
        assert [task.cancelled() for task in tasks[:4]] == [False, True, False, False]
        connections.trust(tasks[2])
        connections.trust(tasks[3])
        assert not connections.admit(tasks[4])
        for task in connections.cancel_all():
            connections.discard(task)
        assert len(connections) == 0
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
    assert 16 <= compute_most() <= 400


@pytest.mark.parametrize(("who", "told"), [(Peer.OTHERS, {Visit.STRANGER}), (Peer.GONE, set())])
def test_stranger_is_refused_whatever_they_bring_and_who_has_gone_is_no_alarm(monkeypatch, who, told):
    monkeypatch.setattr(peer, "identify", lambda _: who)

    @on_bench
    async def ask(bench):
        await bench.lead()
        address = bench.proxy.give_out_address()
        for answer in (await bench.ask(), await bench.visit(address, cookie="")):
            assert answer.startswith("HTTP/1.1 403")
        assert set(bench.misuse) == told

    ask()


@on_bench
async def test_a_page_at_another_port_of_the_same_name_is_foreign(bench):
    await bench.lead()
    for site, status in (("same-site", 403), ("cross-site", 403), ("same-origin", 200), ("none", 200)):
        assert (await bench.ask("/logout", f"Sec-Fetch-Site: {site}")).startswith(f"HTTP/1.1 {status}"), site
        if status == 200:
            break  # it has signed out


@on_bench
async def test_a_programs_token_stays_at_the_port_however_it_is_written(bench):
    await bench.lead()
    token = bench.proxy.access.token
    for name in ("token", "%74oken", "to%6Ben"):
        answer = await bench.ask(f"/api/x?a=1&{name}={token}&b=2", cookie="", host="127.0.0.1")
        assert "GET /api/x?a=1&b=2 HTTP/1.1" in answer
        assert token not in answer


@on_bench
async def test_an_answer_that_opens_a_websocket_brings_no_login(bench):
    await bench.lead()
    fields = ("Connection: Upgrade", "Upgrade: websocket", f"Authorization: token {bench.proxy.access.token}")
    reader, writer = await bench.open()
    with contextlib.closing(writer):
        writer.write(bench.build("/ws", *fields, cookie="", host="127.0.0.1"))
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert head.startswith("HTTP/1.1 101")
    assert "username-" not in head


@pytest.mark.parametrize("name", ["lab", "My_Data.2", "--", "ü", "a" * 200, ""])
def test_host_name_of_a_session_is_one_and_new_each_time(name):
    first, second = build_host_name(name), build_host_name(name)
    assert first != second
    label, _, domain = first.partition(".")
    assert domain == "localhost"
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{,61}[a-z0-9])?", label)


def test_pages_are_data():
    page = pages.render_notice(Notice("<b>", ("<script>",)), page=True).decode()
    assert "<b>" not in page.partition("<body>")[2]
    assert "<script></p>" not in page
