"""What `ci/bench scale` measures with: the stand-in for JupyterLab, and the table."""

import http.client
import json
import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from support.waiting import wait_for
from testbed.bench import figures, scale


@pytest.fixture
def stand_in(tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    config, token = tmp_path / "config.json", tmp_path / "token"
    config.write_text(json.dumps({"ServerApp": {"port": port}}))
    token.write_text("s3cret")
    environ = {**os.environ, "JUPYTER_TOKEN_FILE": str(token), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, scale.STAND_IN, f"--config={config}"], env=environ) as process:
        wait_for((tmp_path / f"jpserver-{process.pid}.json").exists, 30, "the stand-in to serve", every=0.02)
        yield process, ("127.0.0.1", port)
        process.kill()


def ask(address, path, token="s3cret", method="GET"):  # noqa: S107
    with closing(http.client.HTTPConnection(*address, timeout=10)) as connection:
        connection.request(method, path, headers={"Authorization": f"token {token}"})
        answer = connection.getresponse()
        return answer.status, json.load(answer)


def test_the_stand_in_answers_what_the_runtime_asks_and_nobody_without_the_token(stand_in):
    process, address = stand_in
    assert ask(address, "/api/kernels?no_track_activity=1") == (200, [])
    status, seen = ask(address, "/jupyter-session/activity?no_track_activity=1")
    assert (status, seen["requests"]) == (200, {"at": None, "what": ""})
    assert ask(address, "/api/status", token="guessed") == (403, {})
    with closing(socket.create_connection(address)) as silent:
        silent.sendall(b"nonsense")
    assert ask(address, "/api/shutdown", method="POST") == (200, {})
    assert process.wait(10) == 0


def test_a_table_is_markdown(capsys):
    figures.table(("n", "MB"), [("10", "3"), ("100", "25.5")])
    assert capsys.readouterr().out == "|   n |   MB |\n| --: | ---: |\n|  10 |    3 |\n| 100 | 25.5 |\n"
