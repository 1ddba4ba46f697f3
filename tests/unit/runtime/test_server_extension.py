"""The server extension, in a Jupyter server of its own."""

import socket
import urllib.error

import pytest

from jupyter_session.jupyter.lab import Lab, LabError
from jupyter_session.state_dir import StateDir
from support.jupyter_server import serve

pytestmark = pytest.mark.xdist_group("server_extension")  # one server for all


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Start a Jupyter server with the extension; return a function that sends it a request."""
    pytest.importorskip("jupyter_server")
    with serve(tmp_path_factory.mktemp("server")) as server:
        yield server.ask


def test_only_requests_that_need_a_person_are_remembered(ask):
    assert ask("/jupyter-session/activity")["requests"] == {"at": None, "what": None}
    ask("/api/kernels")
    assert ask("/jupyter-session/activity")["requests"]["at"] is None
    made = ask("/api/contents", {"type": "file"})
    found = ask("/jupyter-session/activity")["requests"]
    assert found["what"] == "POST /base/api/contents"
    ask(f"/api/contents/{made['name']}?type=file")
    assert ask("/jupyter-session/activity")["requests"]["at"] > found["at"]


def test_the_supervisor_asks_by_a_socket_and_by_http_while_there_is_none(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("asked")
    state = StateDir(home, in_job=True)
    lab = Lab(state, home)
    with serve(home, SessionExtension={"socket": str(state.extension)}) as server:
        server.ask("/api/contents", {"type": "file"})
        by_http = server.ask("/jupyter-session/activity")
        assert by_http["requests"]["what"] == "POST /base/api/contents"
        assert lab.ask_extension(10) == by_http
        lab.port, lab.token = server.port, "t"
        monkeypatch.setattr("jupyter_session.jupyter.lab._ACTIVITY", "/base/jupyter-session/activity")
        state.extension.unlink()
        assert lab.ask_extension(10) == by_http
    with pytest.raises(LabError, match="does not answer"):
        lab.ask_extension(10)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(state.extension))
        silent.listen()
        with pytest.raises(LabError, match="timed out"):
            lab.ask_extension(0.1)


def test_what_the_proxy_relays_can_be_seen(ask):
    assert ask("/jupyter-session/activity")["proxy"] == {"at": None, "what": None, "lacks": ""}


def test_the_newest_notice_is_there_for_those_who_come_later(ask):
    assert ask("/jupyter-session/notice") == {}
    sent = ask("/jupyter-session/notice", {"text": "It ends soon.", "stop_at": 1700000000})
    assert sent["text"] == "It ends soon."
    assert ask("/jupyter-session/notice") == sent
    assert ask("/jupyter-session/notice", {"text": "It stays."})["stop_at"] is None


@pytest.mark.parametrize("body", [{}, {"text": 1}, {"text": "a", "stop_at": "soon"}])
def test_a_notice_without_a_text_is_refused(ask, body):
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask("/jupyter-session/notice", body)
    assert caught.value.code == 400
    caught.value.close()


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/static/nothing.js", 404), ("/files/none", 404)])
def test_a_page_that_says_what_is_wrong_has_no_token(ask, path, status):
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(path)
    page = caught.value.read().decode()
    assert caught.value.code == status
    assert "<body" in page
    assert "data-jupyter-api-token" not in page


@pytest.mark.parametrize("path", ["activity", "notice"])
def test_nothing_is_answered_without_the_token(ask, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(f"/jupyter-session/{path}", key="wrong")
    assert caught.value.code == 403
    caught.value.close()


class Request:
    method = "GET"

    def __init__(self, path):
        self.path, self.headers = path, {"Accept-Encoding": "gzip"}


@pytest.mark.parametrize(
    ("path", "compressed"),
    [
        ("/base/static/lab/main.js", True),
        ("/base/lab/extensions/@a/b/static/remote.js", True),
        ("/base/lab/api/settings/", True),
        ("/base/jupyter-session/status", True),
        ("/base/lsp/status", True),
        ("/base/jupyter-session/tensorboard-1/", False),
        ("/base/lab", False),
        ("/base/api/contents/Untitled.ipynb", False),
        ("/base/files/data.csv", False),
        ("/base/proxy/8501/static/app.js", False),
        ("/static/lab/main.js", False),
    ],
)
def test_only_jupyterlabs_own_files_are_compressed(path, compressed):
    pytest.importorskip("jupyter_server")
    from tornado.web import GZipContentEncoding  # noqa: PLC0415 - with Jupyter alone

    from jupyter_session.jupyter.extension.page_transforms import PageTransforms  # noqa: PLC0415

    assert isinstance(PageTransforms("/base/")(Request(path)), GZipContentEncoding) is compressed


@pytest.mark.parametrize(
    ("path", "named"),
    [("/base/lab", True), ("/base/lab/tree/a.ipynb", True), ("/base/lab/api/settings", False), ("/base/tree", False)],
)
def test_a_page_of_jupyterlab_names_the_scripts_that_it_loads(tmp_path, path, named):
    pytest.importorskip("jupyter_server")
    from tornado.httputil import HTTPHeaders  # noqa: PLC0415 - with Jupyter alone

    from jupyter_session.jupyter.extension import page_transforms  # noqa: PLC0415

    static, extensions = tmp_path / "lab", tmp_path / "extensions"
    static.mkdir()

    def link(status=200, kind="text/html"):
        transform = page_transforms.PageTransforms("/base/", static, extensions=extensions)(Request(path))
        headers = HTTPHeaders({"Content-Type": kind})
        return transform.transform_first_chunk(status, headers, b"<html>", True)[1].get("Link", "")

    assert not link(), "another JupyterLab"
    names = [name for name in page_transforms._AT_START.read_text().splitlines() if not name.startswith("#")]
    core = next(name for name in names if name.startswith("jlab_core."))
    for name in (core, "1.2a2a.js", "index.js"):
        (static / name).touch()
    ours = extensions / "jupyter-session/static"
    ours.mkdir(parents=True)
    for name in ("7.3b3b.js", "remoteEntry.4c4c.js", "style.js"):
        (ours / name).touch()
    expected = (
        "/lab/extensions/jupyter-session/static/remoteEntry.4c4c.js",
        f"/static/lab/{core}?v={core.split('.')[1]}",
        "/lab/extensions/jupyter-session/static/7.3b3b.js?v=3b3b",
    )
    assert link() == (", ".join(f"</base{each}>; rel=preload; as=script" for each in expected) if named else "")
    assert not link(status=404)
    assert not link(kind="application/json")
    (static / core).unlink()
    for name in ("jlab_core.5d5d.js", "1.2a2a.js"):
        (static / name).touch()
    assert not named or "jlab_core.5d5d.js?v=5d5d>" in link(), "another JupyterLab's"
    (static / "jlab_core.6e6e.js").touch()
    assert "jlab_core" not in link(), "it isn't known which of them the page loads"
