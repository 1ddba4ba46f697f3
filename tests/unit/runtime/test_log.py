"""Logging: silent without -v, bounded and private in a session's folder, never with a token."""

import errno
import logging

import pytest

from jupyter_session import log
from jupyter_session.cli import main
from jupyter_session.jupyter.lab import Lab, LabError
from jupyter_session.state_dir import StateDir


@pytest.fixture(autouse=True)
def package():
    found = logging.getLogger("jupyter_session")
    handlers, level = list(found.handlers), found.level
    yield found
    for handler in set(found.handlers) - set(handlers):
        found.removeHandler(handler)
        handler.close()
    found.setLevel(level)


@pytest.mark.parametrize(("flags", "lines"), [([], 1), (["-v"], 2), (["-vv"], 3)])
def test_v_shows_the_step_and_the_reason_of_a_failure(flags, lines, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_SESSION_DIR", str(tmp_path / "none"))
    assert main(["status", *flags]) == 1
    told = capsys.readouterr().err.splitlines()
    assert told[-1].startswith("jupyter-session: No session runs here")
    assert len(told) >= lines if flags == ["-vv"] else len(told) == lines
    assert any("asking the session at" in line for line in told) == bool(flags)
    assert any("No such file or directory" in line for line in told) == (flags == ["-vv"])


def test_the_file_is_bounded(tmp_path, package, monkeypatch):
    monkeypatch.setattr(package, "propagate", False)  # 4 MB are too much for pytest's own record of it
    path = tmp_path / "supervisor.log"
    log.write_to_file(path)
    for number in range(4000):
        package.debug("line %d %s", number, "x" * 1000)
    files = list(tmp_path.iterdir())
    assert len(files) == 2
    assert sum(file.stat().st_size for file in files) < 3 << 20
    assert "line 3999" in path.read_text()


def test_a_file_that_cant_be_written_is_no_obstacle(tmp_path):
    log.write_to_file(tmp_path / "none" / "supervisor.log")


def test_a_full_disk_writes_nothing_into_the_jobs_error_file(tmp_path, package, monkeypatch, capsys):
    def flush():
        raise OSError(errno.ENOSPC, "No space left on device")

    log.write_to_file(tmp_path / "supervisor.log")
    monkeypatch.setattr(package.handlers[-1], "flush", flush)
    package.debug("a line")
    assert capsys.readouterr().err == ""


def test_a_server_that_does_not_answer_leaves_no_token_in_the_log(tmp_path, package):
    state = StateDir(tmp_path, in_job=False)
    state.create()
    log.write_to_file(state.supervisor_log)
    lab = Lab(state, tmp_path)
    lab.prepare(1)
    with pytest.raises(LabError) as caught:
        lab.request("GET", "/api/status")
    package.debug("no answer", exc_info=caught.value)
    assert not lab.answers()
    text = state.supervisor_log.read_text()
    assert "no answer" in text
    assert lab.token not in text
