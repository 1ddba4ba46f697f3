"""The server extension, in a Jupyter server of its own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from support.waiting import wait_for

MODULE = "jupyter_session.jupyter.extension.server_extension"


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Start a Jupyter server with the extension; return a function that sends it a request."""
    pytest.importorskip("jupyter_server")
    home = tmp_path_factory.mktemp("server")
    config = {"ServerApp": {"jpserver_extensions": {MODULE: True}, "base_url": "/base/", "allow_root": True}}
    (home / "jupyter_server_config.json").write_text(json.dumps(config))
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path),
        "JUPYTER_CONFIG_DIR": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }  # fmt: skip
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--port=0", "--IdentityProvider.token=t"]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen([*command, f"--ServerApp.root_dir={home}"], env=environ, stderr=log) as server,
    ):
        try:
            wait_for(lambda: list((home / "runtime").glob("jpserver-*.json")), 60, "the server")
            [about] = (home / "runtime").glob("jpserver-*.json")
            port = json.loads(about.read_text())["port"]

            def send(path, body=None, *, key="t"):
                url = f"http://127.0.0.1:{port}/base{path}"
                request = urllib.request.Request(url, headers={"Authorization": f"token {key}"})
                data = None if body is None else json.dumps(body).encode()
                with urllib.request.urlopen(request, data, 20) as answer:  # noqa: S310 - our own http URL
                    return json.load(answer)

            wait_for(lambda: answers(port), 60, "the server, which writes that file before it listens")
            yield send
        finally:
            server.terminate()


def test_only_requests_that_need_a_person_are_remembered(ask):
    assert ask("/jupyter-session/requests") == {"at": None, "what": None}
    ask("/api/kernels")
    assert ask("/jupyter-session/requests")["at"] is None
    made = ask("/api/contents", {"type": "file"})
    found = ask("/jupyter-session/requests")
    assert found["what"] == "POST /base/api/contents"
    ask(f"/api/contents/{made['name']}?type=file")
    assert ask("/jupyter-session/requests")["at"] > found["at"]


def test_what_the_proxy_relays_can_be_seen(ask):
    assert ask("/jupyter-session/proxy") == {"at": None, "what": None, "lacks": ""}


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


@pytest.mark.parametrize("path", ["requests", "proxy", "notice"])
def test_nothing_is_answered_without_the_token(ask, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(f"/jupyter-session/{path}", key="wrong")
    assert caught.value.code == 403
    caught.value.close()
