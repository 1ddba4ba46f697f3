"""The state folders of one account on one machine: each session makes its own, and each command finds its own."""

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from jupyter_session.errors import SessionError
from jupyter_session.state_dir import find_state_dir, make_state_dir
from jupyter_session.state_dir.identity import Identity, read_job_key

UID = os.getuid()
AD = 'Owner = "{}"\nClusterId = {}\nProcId = 0\nGlobalJobId = "{}#{}.0#1764000000"\n'


@pytest.fixture(autouse=True)
def tmp(monkeypatch):
    """Yield a folder in place of /tmp, with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as name:
        for module in ("folder", "making", "finding"):
            monkeypatch.setattr(f"jupyter_session.state_dir.{module}.TMP", Path(name))
        yield Path(name)


@pytest.fixture
def job(tmp_path):
    """Return a function that makes the environment of a job of a schedd."""

    def make(cluster=57, schedd="ap"):
        ad = tmp_path / f"{schedd}-{cluster}.ad"
        ad.write_text(AD.format("alice", cluster, schedd, cluster))
        return {"_CONDOR_JOB_AD": str(ad), "_CONDOR_SCRATCH_DIR": str(tmp_path / f"scratch-{schedd}-{cluster}")}

    return make


@pytest.fixture
def start(tmp_path):
    """Return a function that makes a session which listens, as a supervisor does."""
    listening = []

    def begin(environ, notebooks="notebooks"):
        state = make_state_dir(environ, tmp_path / notebooks)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(state.control))
        listener.listen()
        listening.append(listener)
        return state

    yield begin
    for listener in listening:
        listener.close()


def test_folder_of_a_job_is_named_by_user_and_job_and_is_private(tmp, job, start):
    state = start(job())
    assert state.root == tmp / f"jupyter-session-{UID}-57.0"
    for made in (state.root, state.runtime, state.sockets, state.tmux_socket.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert len(str(state.sockets)) == len(str(tmp)) + len("/js123456")


def test_two_jobs_of_one_account_find_each_its_own(job, start):
    first, second = start(job(57)), start(job(58))
    assert find_state_dir(job(57)).root == first.root
    assert find_state_dir(job(58)).root == second.root


def test_jobs_with_one_number_of_two_access_points_find_each_its_own(job, start):
    first, second = start(job(57, "ap1")), start(job(57, "ap2"))
    assert first.root != second.root
    assert find_state_dir(job(57, "ap1")).root == first.root
    assert find_state_dir(job(57, "ap2")).root == second.root


def test_job_is_not_the_session_that_was_started_by_hand(job, start):
    by_hand, of_job = start({}), start(job())
    assert find_state_dir({}).root == by_hand.root
    assert find_state_dir(job()).root == of_job.root


def test_inside_a_session_its_own_is_found_among_many_of_one_job(job, start):
    states = [start(job(), name) for name in ("a", "b", "c")]
    for state in states:
        assert find_state_dir({**job(), **state.environment()}).root == state.root


def test_variables_of_a_session_elsewhere_lead_nobody_astray(job, start):
    other, mine = start(job(57)), start(job(58))
    assert find_state_dir({**job(58), **other.environment()}).root == mine.root


def test_second_session_of_a_job_knows_that_it_is_not_the_first(job, start):
    states = [start(job(57), "a"), start(job(57), "b"), start(job(58), "c"), start({}, "d"), start({}, "e")]
    assert [state.has_sibling for state in states] == [False, True, False, False, False]


def test_sessions_of_one_job_are_told_apart_by_the_folder_or_named(job, start, tmp_path):
    for name in ("one/notebooks", "two/notebooks"):
        (tmp_path / name).mkdir(parents=True)
    first, second = start(job(), "one/notebooks"), start(job(), "two/notebooks")
    assert find_state_dir(job(), tmp_path / "one").root == first.root
    assert find_state_dir(job(), tmp_path / "two/notebooks").root == second.root
    with pytest.raises(SessionError, match=r"2 of your sessions run here\. Set JUPYTER_SESSION_DIR") as error:
        find_state_dir(job(), tmp_path)
    assert str(first.root) in str(error.value)
    assert str(second.root) in str(error.value)


def test_dead_session_of_the_same_job_leaves_its_place(job, tmp):
    dead = make_state_dir(job(), tmp / "notebooks")
    dead.token.write_text("secret")
    (dead.runtime / "folder").mkdir()
    (dead.sockets / "1-1").touch()
    os.close(dead._lock)
    state = make_state_dir(job(), tmp / "notebooks")
    assert state.root == dead.root
    assert not state.token.exists()
    assert list(state.runtime.iterdir()) == []
    assert not dead.sockets.exists()
    assert state.id != dead.id


def test_living_session_keeps_its_folder(job, tmp):
    first = make_state_dir(job(), tmp / "notebooks")
    first.token.write_text("secret")
    second = make_state_dir(job(), tmp / "notebooks")
    assert second.root != first.root
    assert first.token.read_text() == "secret"
    second.clear(keep_log=False)
    assert first.sockets.is_dir()
    assert first.token.exists()


@pytest.mark.parametrize("kind", ["link", "dangling", "file", "fifo", "socket"])
def test_what_lies_in_the_way_is_left_alone(kind, tmp, job, start, tmp_path):
    way = tmp / f"jupyter-session-{UID}-57.0"
    elsewhere = tmp_path / "elsewhere"
    if kind == "link":
        elsewhere.mkdir(mode=0o755)
    if kind in ("link", "dangling"):
        way.symlink_to(elsewhere)
    elif kind == "file":
        way.touch()
    elif kind == "fifo":
        os.mkfifo(way)
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(way))
    state = start(job())
    assert state.root.parent == tmp
    assert state.root != way
    assert find_state_dir(job()).root == state.root
    assert not elsewhere.exists() or list(elsewhere.iterdir()) == []


def test_folder_of_another_user_is_left_alone(tmp, job, start, monkeypatch):
    way = tmp / f"jupyter-session-{UID}-57.0"
    way.mkdir(mode=0o777)
    if UID != 0:
        pytest.skip("needs root, to give a folder away")
    os.chown(way, 65534, 65534)
    state = start(job())
    assert state.root != way
    assert find_state_dir(job()).root == state.root
    assert list(way.iterdir()) == []


def test_folder_that_only_seems_to_be_this_users_is_left_alone(tmp, job, monkeypatch):
    way = tmp / f"jupyter-session-{UID}-57.0"
    way.mkdir(mode=0o777)

    def refuse(self, mode):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    assert make_state_dir(job(), tmp / "notebooks").root != way


def test_given_folder_that_is_taken_is_refused(tmp, job):
    given = {**job(), "JUPYTER_SESSION_DIR": str(tmp / "mine")}
    make_state_dir(given, tmp / "notebooks")
    with pytest.raises(SessionError, match="A session is already running here"):
        make_state_dir(given, tmp / "notebooks")


def test_end_removes_what_was_made(tmp, job):
    state = make_state_dir(job(), tmp / "notebooks")
    state.clear(keep_log=False)
    assert list(tmp.iterdir()) == []


def test_end_that_keeps_the_logs_removes_the_secrets_and_the_sockets(tmp, job):
    state = make_state_dir(job(), tmp / "notebooks")
    for path in (state.token, state.config, state.log, state.supervisor_log):
        path.write_text("written")
    for path in (state.control, state.extension):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    state.clear(keep_log=True)
    assert {path.name for path in state.root.iterdir()} == {"lab.log", "supervisor.log", "lock", "session.json"}


def test_job_without_a_global_id_is_known_by_its_number(tmp_path):
    ad = tmp_path / "ad"
    ad.write_text("clusterid = 5\nPROCID = 2\n")
    key = read_job_key({"_CONDOR_JOB_AD": str(ad)})
    assert (key.id, key.unique) == ("5.2", "5.2")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"id": "x"}', "\0"])
def test_identity_that_makes_no_sense_is_none(tmp_path, text):
    (tmp_path / "session.json").write_text(text)
    assert Identity.read(tmp_path / "session.json") is None
