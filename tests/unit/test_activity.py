"""Sources of activity: what they take for it, and that they never raise."""

import pytest

from jupyter_session.activity import Lookout
from jupyter_session.activity.jupyter import Kernels, Requests, Terminals
from jupyter_session.lab import LabError
from jupyter_session.server_extension import takes_a_person


def kernel(state="idle", at="2026-01-01T00:00:00Z", name="a"):
    return {"id": name, "name": "python3", "execution_state": state, "last_activity": at}


class Server:
    """Answers with what it was last given, or raises it."""

    answer: object = ()

    def get(self, path):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_busy_kernel_is_active_however_silent():
    server = Server()
    source = Kernels(server.get)
    server.answer = [kernel("busy")]
    assert source.sample(10).active
    assert source.sample(5000).last == 5000


def test_an_idle_kernel_is_no_activity_until_a_message_comes():
    server = Server()
    source = Kernels(server.get)
    server.answer = [kernel()]
    assert source.sample(10).last == 10
    assert source.sample(500).last == 10
    server.answer = [kernel(at="2026-01-01T00:09:00Z")]
    assert source.sample(600).last == 600


def test_a_kernel_that_is_shut_down_leaves_the_others_idle():
    server = Server()
    source = Terminals(server.get)
    server.answer = []
    assert source.sample(10).last is None
    server.answer = [{"name": "1", "last_activity": "x"}]
    assert source.sample(20).last == 20
    server.answer = []
    assert source.sample(30).last == 20


def test_requests_count_when_they_change():
    server = Server()
    source = Requests(server.get)
    server.answer = {"at": None, "what": None}
    assert source.sample(10).last is None
    server.answer = {"at": 1.5, "what": "PUT /api/contents/a.ipynb"}
    assert source.sample(20).last == 20
    assert source.sample(30).last == 20


@pytest.mark.parametrize("answer", [LabError("no answer"), [{}], {"x": 1}, 7, None])
def test_a_server_that_fails_or_talks_nonsense_leaves_the_last_word_standing_for_a_while(answer):
    server = Server()
    lookout = Lookout([Kernels(server.get)], patience=600)
    server.answer = [kernel("busy")]
    assert not lookout.look(10)[0].error
    server.answer = answer
    [seen] = lookout.look(20)
    assert (seen.active, seen.last, seen.since) == (True, 20, 10)
    assert seen.error
    [seen] = lookout.look(621)
    assert (seen.active, seen.last, seen.since) == (False, 20, 621)


@pytest.mark.parametrize(
    ("method", "uri", "person"),
    [
        ("GET", "/lab?token=x", True),
        ("GET", "/lab/tree/a.ipynb", True),
        ("GET", "/api/contents/a.ipynb?type=notebook&content=1", True),
        ("PUT", "/api/contents/a.ipynb", True),
        ("POST", "/api/sessions", True),
        ("DELETE", "/api/contents/a.ipynb", True),
        ("GET", "/api/contents?content=1&hash=0", False),
        ("GET", "/api/contents/folder?content=1", False),
        ("GET", "/api/kernels?123", False),
        ("GET", "/api/kernels/1/channels?session_id=2", False),
        ("GET", "/api/sessions", False),
        ("GET", "/api/terminals", False),
        ("GET", "/api/status", False),
        ("POST", "/api/shutdown", False),
        ("PUT", "/lab/api/workspaces/default", False),
        ("POST", "/git/status", False),
        ("PUT", "/lab/api/settings/@jupyterlab/apputils-extension:themes", True),
    ],
)
def test_only_what_takes_a_person_counts_as_a_request(method, uri, person):
    assert takes_a_person(method, uri) is person
