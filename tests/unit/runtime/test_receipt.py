"""What a session leaves behind about itself: for programs as JSON, for people as one line."""

import json
import os
import time
from dataclasses import replace

from jupyter_session.activity.grouping import Role
from jupyter_session.activity.process_groups import Group
from jupyter_session.session.receipt import PATH, ChangedFiles, Receipt, describe_running, find_changed_files

RECEIPT = Receipt(
    state="stopped",
    end="idle",
    reason="Idle for 30 min.",
    job="7.0",
    started=1000.0,
    seconds=7200.0,
    idle_seconds=1800.0,
    running=("kernel 'a.ipynb'", "'vim' in tmux"),
    memory_peak=3 << 30,
    memory_limit=4 << 30,
    cpu_seconds=5400.0,
    gpus=2,
    gpu_busy_seconds=3600.0,
    changed=ChangedFiles(names=("a.ipynb", "b.csv", "c.txt", "d.txt"), count=12),
    warnings=("Memory: ...",),
)


def test_people_get_one_line():
    assert RECEIPT.render_sentence() == (
        "The session ran 2 h, memory up to 3.0 GB of 4.0 GB, 1.50 CPU hours, 4.00 GPU hours, 1.00 of them busy; "
        "running at its end: kernel 'a.ipynb', 'vim' in tmux; files changed: a.ipynb, b.csv, c.txt and 9 more."
    )


def test_what_is_not_known_is_left_out_of_the_line():
    plain = Receipt(state="failed", end="failed", reason="", job=None, started=0.0, seconds=60.0)
    assert plain.render_sentence() == "The session ran 60 s; files changed: none."


def test_a_file_that_was_changed_in_both_places_is_named():
    receipt = replace(RECEIPT, running=(), gpus=0, saved={"conflicts": {"a.ipynb": "a.job-7.0.ipynb"}})
    assert receipt.render_sentence().endswith(
        "c.txt and 9 more; changed on the access point too, so both versions are kept: a.ipynb as a.job-7.0.ipynb."
    )


def test_programs_get_all_of_it_as_json_in_the_notebook_folder(tmp_path):
    RECEIPT.write(tmp_path)
    RECEIPT.write(tmp_path)
    found = json.loads((tmp_path / PATH).read_text())
    assert (found["ended"], found["end"], found["idle_seconds"]) == (8200, "idle", 1800)
    assert (found["cpu_hours"], found["gpu_hours"], found["gpu_busy_hours"]) == (1.5, 4.0, 1.0)
    assert found["changed"]["count"] == 12
    assert found["warnings"] == ["Memory: ..."]
    assert [file.name for file in (tmp_path / PATH).parent.iterdir()] == [PATH.name]


def test_files_that_changed_since_are_found_with_the_newest_first_and_odd_names_printable(tmp_path):
    (tmp_path / "old.txt").write_text("old")
    since = tmp_path.joinpath("old.txt").stat().st_ctime
    while time.time() < since + 0.05:
        time.sleep(0.01)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/new\nline.txt").write_text("new")
    os.utime(tmp_path / "sub/new\nline.txt", (0, 0))  # what a program claims does not count
    (tmp_path / "link").symlink_to("old.txt")
    RECEIPT.write(tmp_path)  # in a hidden folder
    found = find_changed_files(tmp_path, since + 0.02, patience=30)
    assert found == ChangedFiles(names=("sub/new\\nline.txt",), count=1)
    (tmp_path / os.fsdecode(b"sub/\xff.txt")).write_text("no UTF-8")
    assert find_changed_files(tmp_path, since + 0.02, patience=30).names[0] == "sub/\\xff.txt"


def test_a_folder_too_large_for_the_time_is_said_to_be(tmp_path):
    (tmp_path / "a").write_text("")
    assert not find_changed_files(tmp_path, 0, patience=-1).complete


def group(role, **about):
    fields = {"label": "python", "foreground": "", "cpu": 0.0, "key": "", "typed_at": None, "disk": 0.0}
    return Group(role=role, root_pid=1, pids=(1,), workers=(1,), **{**fields, **about})


def session(kernel, path, state):
    return {"path": path, "kernel": {"id": kernel, "execution_state": state}}


def test_what_runs_is_named_as_a_person_would():
    sessions = [session("k1", "a.ipynb", "busy"), session("k2", "b.ipynb", "idle")]
    groups = [
        group(Role.KERNEL, key="k1", cpu=1.0),
        group(Role.KERNEL, key="k3", cpu=1.0, label="python train.py"),
        group(Role.TERMINAL, foreground="vim"),
        group(Role.PANE),
        group(Role.OTHER, cpu=1.0),
    ]
    assert describe_running(sessions, groups) == (
        "kernel 'a.ipynb'",
        "'python train.py' of a kernel",
        "'vim' in a terminal",
    )
