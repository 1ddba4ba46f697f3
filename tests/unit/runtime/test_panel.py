"""What the panel shows of a session, and its API in a Jupyter server."""

import json
import os
import socket
import sys
import threading
import urllib.error
from types import SimpleNamespace

import pytest

from jupyter_session.panel.figures import Figure, Figures
from jupyter_session.panel.page import render_page
from jupyter_session.panel.top import render_screen
from jupyter_session.panel.view import make_view
from support.jupyter_server import serve

pytestmark = pytest.mark.xdist_group("panel")  # one server for all
NOW = 1_800_000_000.0
MESSAGE = {
    "state": "ready", "reason": "JupyterLab is ready.", "verdict": "In use.", "stop_at": None,
    "earliest_stop_at": NOW + 1800, "keep_alive_until": None, "deadline": None, "idle_for": 2.0, "job": "7.0",
    "host": "ep1", "url": "http://127.0.0.1:1/lab?token=s3cret", "connect": "ssh s3cret", "host_key": "s3cret",
    "sources": [{"source": "kernels", "active": True, "detail": "1 busy", "error": "late", "since": 62.0}],
    "save": {"off": "It is off."}, "slot": {"cpus": 2}, "warnings": ["Mind the gap."], "problem": "",
}  # fmt: skip


def test_a_view_has_what_people_need_and_none_of_the_secrets():
    view = make_view(MESSAGE, [Figure("CPU", "1 of 2 cores", 0.5)], NOW).as_dict()
    assert view["problem"] == ""
    assert view["sentence"].startswith("In use: kernels: 1 busy.")
    assert list(view["sources"]) == [{"name": "kernels", "active": True, "since": "62 s", "sees": "1 busy (late)"}]
    assert view["facts"] == [("Job", "7.0 on ep1"), ("Deadline", "none")]
    assert view["saving"] == ["not saved while it runs: It is off."]
    assert view["warnings"] == ["Mind the gap."]
    assert "s3cret" not in json.dumps(view)


@pytest.mark.parametrize(
    "message",
    [{}, {"state": "ready"}, {**MESSAGE, "sources": 3}, {**MESSAGE, "stop_at": "x"}, {**MESSAGE, "deadline": 1e300},
     {**MESSAGE, "sources": [None]}, {**MESSAGE, "save": None}],
)  # fmt: skip
def test_an_answer_that_cannot_be_read_is_a_view_that_says_so(message):
    view = make_view(message, [], NOW)
    assert "can't be read" in view.problem
    assert view.sentence == ""


def test_figures_name_what_is_used_and_of_how_much(tmp_path):
    figures = {figure.name: figure for figure in Figures(os.environ, tmp_path, "id").look(
        {"cpus": 4, "disk": 1 << 30, "memory": {"used": 1 << 20, "limit": 1 << 30}}
    )}  # fmt: skip
    assert figures["Memory"].text == "1.0 MB of the slot's 1.0 GB"
    assert figures["CPU"].text.endswith("of 4 cores")
    assert figures["Disk"].text.endswith("the job has 1.0 GB")


def test_what_is_not_saved_is_an_alert_once_for_each_kind():
    save = {
        "off": "", "behind": None, "saved_count": 0, "total_bytes": 0, "problem": "The quota is exceeded.",
        "refused_count": 0, "conflicts": {"a": "a-mine"},
        "left_out": {"b": "a link", "c": "a link"}, "left_out_count": 2,
    }  # fmt: skip
    assert make_view({**MESSAGE, "save": save}, [], NOW).alerts == [
        "Mind the gap.",
        "The quota is exceeded.",
        "a has changed on the access point, so it is saved as a-mine there.",
        "b isn't saved: a link. There are others: see the panel of the session.",
    ]
    refused = {**save, "refused_count": 1, "conflicts": {}, "left_out": {}, "left_out_count": 0}
    assert make_view({**MESSAGE, "save": refused}, [], NOW).alerts == ["Mind the gap."]
    assert make_view(MESSAGE, [], NOW).alerts == ["Mind the gap."]


class Nvml:
    """NVIDIA's library on a machine with two GPUs, of which the job has the second."""

    class NVMLError(Exception):
        pass

    def __getattr__(self, name):
        return {
            "nvmlInit": lambda: None,
            "nvmlShutdown": lambda: None,
            "nvmlDeviceGetCount": lambda: 3,
            "nvmlDeviceGetHandleByIndex": self._open,
            "nvmlDeviceGetUUID": lambda index: f"GPU-{index}abc",
            "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(used=10 << 30, total=40 << 30),
            "nvmlDeviceGetUtilizationRates": lambda _: SimpleNamespace(gpu=73),
        }[name]

    def _open(self, index):
        if index == 2:
            raise self.NVMLError("the container may not open it")
        return index


def test_figures_show_the_job_s_gpus_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    found = Figures({"CUDA_VISIBLE_DEVICES": "GPU-1a"}, tmp_path, "id").look({})
    assert [figure for figure in found if "GPU" in figure.name] == [
        Figure("GPU 1", "73 %", 0.73),
        Figure("GPU 1 memory", "10 GB of 40 GB", 0.25),
    ]


def test_outside_a_job_the_figures_are_the_machine_s(tmp_path):
    assert "of the machine's" in Figures({}, tmp_path, "id").look({})[0].text


class Supervisor:
    """Says the same to everyone who asks: `answer`, bytes."""

    def __init__(self, path):
        self.answer = b""
        self.asked = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client:
                self.asked.append(json.loads(client.makefile().readline()))
                client.sendall(self.answer)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield a Jupyter server with the panel, and a supervisor beside it."""
    pytest.importorskip("jupyter_server")
    folder = tmp_path_factory.mktemp("panel")
    state, home = folder / "state", folder / "server"
    state.mkdir(mode=0o700)
    home.mkdir()
    supervisor = Supervisor(state / "control")
    app = {
        "jpserver_extensions": {"jupyter_session.panel.server_extension": True},
        "base_url": "/base/",
        "allow_root": True,
    }
    with serve(home, f"import os; os.environ['JUPYTER_SESSION_DIR'] = {str(state)!r}", ServerApp=app) as running:
        yield running.ask, supervisor
    supervisor.socket.close()


@pytest.fixture
def served(server):
    """Return the server and the supervisor, which hasn't been asked yet."""
    server[1].asked.clear()
    return server


def encode(message):
    return json.dumps(message).encode() + b"\n"


def test_the_api_passes_on_what_the_supervisor_says_and_what_is_clicked(served):
    ask, supervisor = served
    supervisor.answer = encode(MESSAGE)
    assert ask("/jupyter-session/status")["state"] == "ready"
    supervisor.answer = encode({**MESSAGE, "extended": "It stays."})
    assert ask("/jupyter-session/extend", {"seconds": 7200}) == {"text": "It stays."}
    supervisor.answer = encode(MESSAGE)
    assert ask("/jupyter-session/stop", {}) == {"text": "The session is being stopped."}
    assert [each["verb"] for each in supervisor.asked] == ["status", "extend", "stop"]
    assert supervisor.asked[1]["seconds"] == 7200


@pytest.mark.parametrize("answer", [b"", b"{", b"[]\n", b"\xff\xfe\n", b"{}\n", encode({"error": "No."})])
def test_whatever_the_supervisor_sends_there_is_an_answer_that_says_what_is_missing(served, answer):
    ask, supervisor = served
    supervisor.answer = answer
    assert ask("/jupyter-session/status")["problem"]
    assert ask("/api/status")
    if answer != b"{}\n":
        with pytest.raises(urllib.error.HTTPError) as caught:
            ask("/jupyter-session/extend", {"seconds": 7200})
        assert caught.value.code == 503
        assert json.loads(caught.value.read())["message"]


@pytest.mark.parametrize("path", ["status", "extend", "stop"])
def test_nothing_is_answered_without_the_token(served, path):
    ask, supervisor = served
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(f"/jupyter-session/{path}", None if path == "status" else {}, key="wrong")
    assert caught.value.code == 403
    caught.value.close()
    assert not supervisor.asked


HOSTILE = {
    **MESSAGE,
    "sources": [{"source": "<b>", "active": False, "detail": "<script>\x1b[2J\r\n", "error": "", "since": 1.0}],
    "warnings": ["<img src=x onerror=alert(1)>"],
}


def test_page_and_screen_show_names_that_are_html_or_keys_as_they_are():
    view = make_view(HOSTILE, [Figure("<i>", "<u>", 0.2)], NOW)
    page = render_page(view, said="<em>", token="", lab="/lab")
    for tag in ("<b>", "<script>\x1b", "<img", "<i>", "<u>", "<em>"):
        assert tag not in page
        assert tag.replace("<", "&lt;").replace(">", "&gt;") in page
    assert all(line.isprintable() for line in render_screen(view, 200, 100))


def test_screen_fits_into_any_terminal():
    view = make_view(MESSAGE, [Figure("CPU", "1 of 2 cores", 0.5), Figure("Odd", "?", None)], NOW)
    for width, height in ((80, 24), (20, 5), (1, 1)):
        lines = render_screen(view, width, height)
        assert len(lines) <= height
        assert max(map(len, lines)) <= width
    assert any("[||||||||||          ] 1 of 2 cores" in line for line in render_screen(view, 80, 24))


def test_a_click_on_the_page_is_refused_without_the_token(served):
    ask, supervisor = served
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask("/jupyter-session", {"do": "stop"}, key="wrong")
    assert caught.value.code in (403, 405)
    caught.value.close()
    assert not supervisor.asked


@pytest.mark.parametrize("folder", ["none", "..", "../state", "/../..", "a\0b", "x" * 5000, None, 3])
def test_tensorboard_opens_no_folder_but_those_of_the_notebooks(server, folder):
    ask, _ = server
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask("/jupyter-session/tensorboard", {"folder": folder})
    assert caught.value.code == 404
    assert "There is no folder" in json.loads(caught.value.read())["message"]


def test_tensorboard_that_is_not_installed_is_an_answer_that_says_how(server):
    ask, _ = server
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask("/jupyter-session/tensorboard", {"folder": ""})
    assert "pip install tensorboard" in json.loads(caught.value.read())["message"]
