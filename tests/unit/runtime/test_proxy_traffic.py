"""What the server extension sees of pages behind a real jupyter-server-proxy.

These tests fail, too, if a version of jupyter-server-proxy changes what the extension wraps.
"""

import asyncio
import contextlib
import socketserver
import threading

import pytest

from jupyter_session.jupyter.extension.remote_desktop import RemoteDesktop
from support.jupyter_server import close_websocket, serve

pytest.importorskip("jupyter_server_proxy")

pytestmark = pytest.mark.xdist_group("proxy_traffic")  # one server for all
GREETING = b"RFB 003.008\n"
KEY, POINTER, QEMU_KEY = bytes([4, 1, 0, 0, 0, 0, 0, 97]), bytes([5, 0, 0, 10, 0, 10]), bytes([255, 0, 0, 1]) + bytes(8)
NEXT_PICTURE = bytes([3, 1]) + bytes(8)
ENCODINGS = bytes([2, 0, 0, 2]) + bytes(8)
#: A proxied raw socket under four names, of which three differ in what the proxy's configuration counts as activity.
CONFIG = """
from pathlib import Path
def never(about):
    return False
def always(about):
    with Path("{calls}").open("a") as calls:
        calls.write(".")
    return True
about = {{"port": {port}, "raw_socket_proxy": True, "launcher_entry": {{"enabled": False}}}}
c.ServerProxy.servers = {{
    "desktop": about,
    "off": {{**about, "update_last_activity": False}},
    "never": {{**about, "update_last_activity": never}},
    "always": {{**about, "update_last_activity": always}},
}}
"""


class Sink(socketserver.BaseRequestHandler):
    """A server behind the proxy that reads all and says nothing."""

    def handle(self):
        with contextlib.suppress(ConnectionError):
            while self.request.recv(65536):
                pass


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with socketserver.ThreadingTCPServer(("localhost", 0), Sink) as behind:
        behind.daemon_threads = True
        threading.Thread(target=behind.serve_forever, daemon=True).start()
        home = tmp_path_factory.mktemp("server")
        with serve(home, CONFIG.format(port=behind.server_address[1], calls=home / "calls")) as server:
            yield server
        behind.shutdown()


def send(server, name, *messages):
    """Send messages through the proxy, as a page does."""
    from tornado.httpclient import HTTPRequest  # noqa: PLC0415 - it may not be installed
    from tornado.websocket import websocket_connect  # noqa: PLC0415

    async def connect():
        url = f"ws://127.0.0.1:{server.port}/base/{name}/"
        page = await websocket_connect(HTTPRequest(url, headers={"Authorization": "token t"}))
        for message in messages:
            await page.write_message(message, binary=True)
        await close_websocket(page)

    asyncio.run(connect())


def seen(server):
    return server.ask("/jupyter-session/activity")["proxy"]


def test_keys_in_a_remote_desktop_are_seen_and_its_requests_for_pictures_are_not(server):
    send(server, "desktop", GREETING, b"\x01", b"\x01", ENCODINGS, *[NEXT_PICTURE] * 1000)
    assert seen(server) == {"at": None, "what": None, "lacks": ""}
    send(server, "desktop", GREETING, b"\x01", b"\x01", NEXT_PICTURE, KEY)
    assert seen(server)["what"] == "remote desktop /base/desktop/"


def test_another_raw_socket_counts_by_its_bytes_as_any_websocket_does(server):
    before = seen(server)["at"]
    send(server, "desktop", *[b"x" * 13] * 5)
    assert seen(server)["at"] == before
    send(server, "desktop", *[b"x" * 300] * 10)
    assert seen(server)["what"] == "WebSocket /base/desktop/"


@pytest.mark.parametrize("name", ["off", "never"])
def test_what_the_configuration_of_a_server_does_not_count_is_no_activity(server, name):
    before = seen(server)
    send(server, name, GREETING, *[KEY] * 10, *[b"x" * 300] * 10)
    assert seen(server) == before


def test_a_function_that_says_what_counts_is_called_once_for_each_message(server):
    calls = []
    for messages in (1, 11):
        send(server, "always", GREETING, *[KEY] * messages)
        calls.append((server.home / "calls").stat().st_size - sum(calls))
    assert calls[1] - calls[0] == 10
    assert seen(server)["what"] == "remote desktop /base/always/"


def test_no_other_handler_of_the_proxy_takes_messages_in_a_way_of_its_own():
    from jupyter_server_proxy import handlers, rawsocket  # noqa: PLC0415 - it may not be installed

    found, wanted = {handlers.ProxyHandler}, [handlers.ProxyHandler]
    while wanted:
        below = wanted.pop().__subclasses__()
        found.update(kind for kind in below if "on_message" in vars(kind))
        wanted += below
    assert found == {handlers.ProxyHandler, rawsocket.RawSocketHandler}


@pytest.mark.parametrize("message", [KEY, POINTER, QEMU_KEY, NEXT_PICTURE + KEY, ENCODINGS + NEXT_PICTURE + POINTER])
def test_a_message_with_a_key_or_the_pointer_in_it_shows_a_person(message):
    desktop = RemoteDesktop()
    assert not desktop.shows_person(message)  # it isn't known yet that this is VNC
    assert not desktop.shows_person(GREETING)
    assert desktop.shows_person(message)


@pytest.mark.parametrize(
    "message",
    [b"", b"\x01", NEXT_PICTURE * 3, ENCODINGS, bytes([6]) + bytes(3) + b"\0\0\0\1a", bytes([255]), bytes([2])],
)
def test_any_other_message_of_a_vnc_client_shows_nobody(message):
    desktop = RemoteDesktop()
    desktop.shows_person(GREETING)
    assert not desktop.shows_person(message)
