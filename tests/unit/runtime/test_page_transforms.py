"""JupyterLab's scripts as they go over the line: compressed beforehand, and the same once they are there."""

import asyncio
import gzip
import urllib.request

import pytest

pytest.importorskip("tornado")
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, StaticFileHandler

from jupyter_session.building.compress_pages import compress
from jupyter_session.jupyter.extension.page_transforms import PageTransforms

NAME, OTHER = "main.0123456789abcdef.js", "index.js"
SCRIPT = b"".join(b"line %d\n" % number for number in range(40_000))  # several pieces for tornado


@pytest.fixture
def fetch(tmp_path):
    """Return a function that asks a server for a script, and returns the headers and the body of its answer."""
    static, compressed = tmp_path / "static", tmp_path / "compressed"
    static.mkdir()
    for name in (NAME, OTHER):
        (static / name).write_bytes(SCRIPT)
    compress(static, compressed)
    assert [path.name for path in compressed.iterdir()] == [f"{NAME}.gz"]

    async def serve(ask):
        app = Application([("/static/lab/(.*)", StaticFileHandler, {"path": str(static)})])
        app.add_transform(PageTransforms("/", static, compressed))
        listening, port = bind_unused_port()
        server = HTTPServer(app)
        server.add_socket(listening)
        try:
            return await asyncio.to_thread(ask, port)
        finally:
            server.stop()

    def fetch(name, method="GET", **headers):
        def ask(port):
            fields = {field.replace("_", "-"): value for field, value in headers.items()}
            request = urllib.request.Request(f"http://127.0.0.1:{port}/static/lab/{name}", None, fields, method=method)
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - ours
                return answer.headers, answer.read()

        return asyncio.run(serve(ask))

    return fetch


def test_a_script_arrives_whole_and_as_it_was_compressed(fetch):
    headers, body = fetch(NAME, Accept_Encoding="gzip, deflate")
    assert headers["Content-Encoding"] == "gzip"
    assert int(headers["Content-Length"]) == len(body) < 0.6 * len(SCRIPT)
    assert gzip.decompress(body) == SCRIPT
    assert "Accept-Encoding" in headers["Vary"]


def test_who_takes_it_as_it_is_gets_it_so(fetch):
    headers, body = fetch(NAME, Accept_Encoding="identity")
    assert (headers["Content-Encoding"], body) == (None, SCRIPT)


def test_a_file_whose_name_says_nothing_of_its_content_is_compressed_when_it_is_asked_for(fetch):
    headers, body = fetch(OTHER, Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == SCRIPT


def test_the_headers_alone_are_those_of_the_file_that_would_be_sent(fetch):
    headers, body = fetch(NAME, method="HEAD", Accept_Encoding="gzip")
    assert body == b""
    assert 0 < int(headers["Content-Length"]) < 0.6 * len(SCRIPT)


def test_a_part_of_a_file_is_sent_as_it_is(fetch):
    headers, body = fetch(NAME, Accept_Encoding="gzip", Range="bytes=10-19")
    assert headers["Content-Range"] == f"bytes 10-19/{len(SCRIPT)}"
    assert (gzip.decompress(body) if headers["Content-Encoding"] else body) == SCRIPT[10:20]
