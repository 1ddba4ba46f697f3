"""Processes that outlive their starter are known by more than a number that is used again."""

import os
import subprocess
from pathlib import Path

from testbed.host.process import Process, children
from testbed.pool import namespaces


def note(process: Process, path: Path) -> None:
    path.write_text(f"{process.pid} {process.start} {process.boot}\n")


def test_a_process_is_alive_until_it_is_killed():
    with subprocess.Popen(["sleep", "60"]) as child:
        process = Process.of(child.pid)
        assert process is not None
        assert process.alive()
        assert child.pid in children(os.getpid())
        assert process.kill()
        assert not process.alive()


def test_another_process_with_its_number_is_not_it(tmp_path):
    this = Process.of(os.getpid())
    assert this is not None
    for other in (Process(this.pid, "1", this.boot), Process(this.pid, this.start, "another-boot")):
        note(other, tmp_path / "pid")
        assert Process.read(tmp_path / "pid") == other
        assert not other.alive()
        assert other.kill()  # and this one still runs


def test_a_pidfile_that_is_absent_or_broken_names_nobody(tmp_path):
    assert Process.read(tmp_path / "absent") is None
    (tmp_path / "broken").write_text("12 \n")
    assert Process.read(tmp_path / "broken") is None


def test_ending_all_kills_what_the_pidfiles_name_and_removes_their_folder(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    with subprocess.Popen(["sleep", "60"]) as child:
        process = Process.of(child.pid)
        assert process is not None
        note(process, state / "ap.pid")
        (state / "ap.log").write_text("")
        namespaces.end_all(state)
        assert child.wait(timeout=5) < 0
    assert not state.exists()
    namespaces.end_all(state)  # again is harmless
