"""The sockets at which commands find the connection of a launcher."""

import os
import socket
from pathlib import Path

import pytest

from chtc_jupyter.ssh import multiplexing

pytestmark = pytest.mark.skipif(os.name != "posix", reason="ssh shares no connections there")


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def test_connection_that_stands_is_found_for_its_own_access_point_alone():
    path = multiplexing.offer("ap")
    assert multiplexing.find("ap") == ""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        assert multiplexing.find("ap") == path
        assert multiplexing.find("alice@ap") == ""


def test_socket_that_nobody_listens_at_is_removed():
    path = multiplexing.offer("ap")
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(path)
    assert multiplexing.find("ap") == ""
    assert not Path(path).exists()


def test_folder_that_others_can_reach_or_made_is_not_used(runtime):
    multiplexing.offer("ap")
    [folder] = runtime.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    assert multiplexing.offer("ap") == multiplexing.find("ap") == ""


def test_path_that_ssh_would_not_take_as_it_is_is_not_offered(runtime, monkeypatch):
    for name in ("a b", "50%", "x" * 90):
        (runtime / name).mkdir()
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / name))
        assert multiplexing.offer("ap") == ""


@pytest.mark.skipif(os.name != "posix", reason="Windows' ssh has no sockets for forwards")
def test_forward_has_a_socket_of_its_own_where_only_the_user_can_go(tmp_path, monkeypatch):
    for runtime in (tmp_path, tmp_path / ("long" * 30)):
        runtime.mkdir(exist_ok=True)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        first, second = multiplexing.offer_forward(), multiplexing.offer_forward()
        assert first != second
        assert len(first) < 90
        for path in (first, second):
            assert Path(path).parent.stat().st_mode & 0o077 == 0
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
            multiplexing.remove_forward(path)
            multiplexing.remove_forward(path)
            assert not Path(path).exists()
    assert not Path(first).parent.exists()
