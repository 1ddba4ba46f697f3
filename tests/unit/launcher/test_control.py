"""How one launcher asks another, and believes only one that knows its secret."""

import asyncio
import contextlib
import json
import re

from chtc_jupyter.proxy import control
from chtc_jupyter.proxy.access import Access
from chtc_jupyter.proxy.local_proxy import LocalProxy
from chtc_jupyter.proxy.pages import Notice
from chtc_jupyter.store import Opened


def run(test):
    async def whole():
        proxy = LocalProxy(Access("lab-1.localhost"), lambda: Notice("x"), dict)
        await proxy.listen(0)
        try:
            await test(proxy, Opened(proxy.port, proxy.access.host, proxy.control.secret))
        finally:
            await proxy.close()

    asyncio.run(whole())


def test_launcher_that_knows_the_secret_answers_what_it_is_asked():
    async def test(proxy, opened):
        assert await control.ask(opened, control.NOTHING) == ""
        address = await control.ask(opened, control.BROWSER)
        assert address.startswith(f"{proxy.origin}/chtc-jupyter/open/")
        assert address != await control.ask(opened, control.BROWSER)
        assert proxy.access.token in await control.ask(opened, control.PROGRAM)

    run(test)


def test_who_does_not_know_the_secret_learns_nothing():
    async def test(proxy, opened):
        assert await control.ask(Opened(proxy.port, opened.host, "guess"), control.PROGRAM) is None

    run(test)


def test_who_has_taken_the_port_is_not_believed_and_can_not_pass_on_what_it_hears():
    async def test(proxy, opened):
        heard = []

        async def impostor(reader, writer):
            with contextlib.suppress(OSError, EOFError):
                head = await reader.readuntil(b"\r\n\r\n")
                heard.append(head)
                passed, to = await asyncio.open_connection("127.0.0.1", proxy.port)
                to.write(head)
                writer.write(await passed.read())
                to.close()
            writer.close()

        async with await asyncio.start_server(impostor, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            assert await control.ask(Opened(port, opened.host, opened.secret), control.PROGRAM) is None
        [head] = heard
        assert opened.secret.encode() not in head
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(head)
        assert b"403 Forbidden" in await reader.read()
        writer.close()

    run(test)


def test_answer_that_is_none_is_no_launcher():
    async def test(_, opened):
        for body in (
            b"",
            b"{",
            b"[]",
            b"[1]",
            b'"x"',
            b"{}",
            json.dumps({"address": "http://x", "proof": "y"}).encode(),
        ):

            async def answer(reader, writer, body=body):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + body)
                writer.close()

            async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
                port = server.sockets[0].getsockname()[1]
                assert await control.ask(Opened(port, opened.host, opened.secret), control.BROWSER) is None
        assert await control.ask(Opened(1, opened.host, opened.secret), control.BROWSER) is None

    run(test)


def test_secret_is_not_shown_with_the_record():
    assert not re.search("s3cret", repr(Opened(1, "lab-1.localhost", "s3cret")))
