"""The configuration of JupyterLab, in a real Jupyter server."""

import json
import urllib.request

import pytest

from jupyter_session.jupyter.lab import Lab
from jupyter_session.state_dir import StateDir
from support.jupyter_server import serve


def test_browsers_keep_the_cookies_from_other_sites_pages(tmp_path):
    pytest.importorskip("jupyter_server")
    state = StateDir(tmp_path / "state", in_job=False)
    state.create()
    lab = Lab(state, tmp_path)
    lab.prepare(16000)
    identity = json.loads(state.config.read_text())["IdentityProvider"]
    (tmp_path / "home").mkdir()
    with serve(tmp_path / "home", IdentityProvider={"cookie_options": identity["cookie_options"]}) as server:
        address = f"http://127.0.0.1:{server.port}/base/api/contents?token=t"
        with urllib.request.urlopen(address, timeout=60) as answer:
            cookies = answer.headers.get_all("Set-Cookie")
    login = next(cookie for cookie in cookies if cookie.startswith("username-"))
    assert {"HttpOnly", "SameSite=Lax"} <= set(login.split("; "))


def test_each_start_has_a_token_of_its_own_and_no_cookie_of_an_earlier_one(tmp_path):
    state = StateDir(tmp_path / "state", in_job=False)
    state.create()
    lab, tokens = Lab(state, tmp_path), set()
    secret = state.runtime / "jupyter_cookie_secret"
    for _ in range(3):
        lab.prepare(16000)
        assert not secret.exists()
        secret.parent.mkdir(exist_ok=True)
        secret.write_text("of a server")
        tokens |= {
            lab.token,
            state.token.read_text(),
            json.loads(state.config.read_text())["IdentityProvider"]["token"],
        }
    assert len(tokens) == 3
