"""Which requests an authenticated user made in Jupyter's own pages, asked of a real Jupyter server."""

import http.client
import urllib.parse

import pytest

from jupyter_session.jupyter.extension.origin import is_from_own_page
from support.jupyter_server import serve

pytestmark = pytest.mark.xdist_group("origin")  # one server for all

TOKEN = {"Authorization": "token t"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pytest.importorskip("jupyter_server")
    with serve(tmp_path_factory.mktemp("server")) as server:
        yield server


def visit(server, path, fields):
    """Send a GET; return the status of the answer and its cookies."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", f"/base{path}", headers=fields)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    cookies = answer.headers.get_all("Set-Cookie") or []
    return answer.status, "; ".join(cookie.partition(";")[0] for cookie in cookies)


def last(server):
    return server.ask("/jupyter-session/activity")["requests"]["at"]


@pytest.mark.parametrize("fields", [{}, {"Authorization": "token wrong"}, {"Cookie": "username-127-0-0-1=2|1:0|x"}])
@pytest.mark.parametrize("path", ["/files/a.txt", "/tree", "/doc/tree/a", "/login", "/static/favicon.ico"])
def test_who_has_no_token_is_nobody_at_work(server, path, fields):
    before = last(server)
    status, _ = visit(server, path, fields)
    assert status in (200, 302, 403, 404)
    assert last(server) == before


def test_a_page_of_another_site_is_nobody_at_work_though_it_has_the_cookies(server):
    (server.home / "a.txt").write_text("a")
    _, cookies = visit(server, f"/tree?{urllib.parse.urlencode({'token': 't'})}", {})
    user = {"Cookie": cookies, "Referer": f"http://127.0.0.1:{server.port}/base/lab"}  # without it, /files is refused
    before = last(server)
    for site in ("same-site", "cross-site", "nonsense"):
        for destination in ("image", "empty", "iframe", "document"):
            fields = {**user, "Sec-Fetch-Site": site, "Sec-Fetch-Dest": destination}
            assert visit(server, "/files/a.txt", fields)[0] == 200
    assert last(server) == before
    assert visit(server, "/files/a.txt", {**user, "Sec-Fetch-Site": "same-origin"})[0] == 200
    assert last(server) != before


def test_programs_with_the_token_count(server):
    (server.home / "b.txt").write_text("b")
    before = last(server)
    assert visit(server, "/files/b.txt", TOKEN)[0] == 200
    assert last(server) != before


@pytest.mark.parametrize(
    ("fields", "own"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-User": "?1"}, False),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "image"}, False),
        ({"Sec-Fetch-Site": "", "Sec-Fetch-Dest": "image"}, False),
    ],
)
def test_only_a_click_leads_in_from_another_site(fields, own):
    assert is_from_own_page(fields) is own
