"""What HTCondor can't transfer is found before a start; what it leaves out or follows is not in the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chtc_condor import carry


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "notebooks/deep").mkdir(parents=True)
    (tmp_path / "notebooks/a.txt").write_text("a")
    return tmp_path / "notebooks"


def test_links_to_folders_are_found_wherever_they_are(folder):
    (folder / "env").mkdir()
    (folder / "env/lib64").symlink_to("../deep")
    (folder / "deep/up").symlink_to("/")
    (folder / "to-link").symlink_to("env/lib64")
    expected = {"env/lib64": carry.LINK, "deep/up": carry.LINK, "to-link": carry.LINK}
    assert carry.find_obstacles(str(folder)) == expected


def test_what_htcondor_leaves_out_or_follows_is_not_in_the_way(folder):
    (folder / "broken").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    (folder / "file").symlink_to("a.txt")
    os.mkfifo(folder / "pipe")
    (folder / "empty").mkdir()
    (folder / "new\nline, and comma").touch()
    assert carry.find_obstacles(str(folder)) == {}


def test_a_folder_that_is_itself_a_link_is_in_the_way_unless_a_slash_ends_its_name(folder):
    (folder.parent / "link").symlink_to(folder)
    assert carry.find_obstacles(f"{folder.parent}/link") == {".": carry.LINK}
    assert carry.find_obstacles(f"{folder.parent}/link/") == {}
    assert carry.find_obstacles(f"{folder}/nowhere") == {".": carry.MISSING}


def test_what_can_not_be_read_is_found(folder):
    if os.geteuid() == 0:
        pytest.skip("root can read all")
    (folder / "a.txt").chmod(0)
    (folder / "deep").chmod(0)
    (folder / "link").symlink_to("a.txt")
    expected = dict.fromkeys(("a.txt", "deep", "link"), carry.UNREADABLE)
    found = carry.find_obstacles(str(folder))
    (folder / "deep").chmod(0o700)
    assert found == expected


def test_a_folder_that_can_not_be_written_is_in_the_way_if_something_is_in_it(folder):
    (folder / "deep/a").touch()
    (folder / "empty").mkdir(mode=0o555)
    (folder / "deep").chmod(0o555)
    found = carry.find_obstacles(str(folder))
    (folder / "deep").chmod(0o755)
    assert found == {"deep": carry.READ_ONLY}
    assert "chmod u+w" in carry.describe_obstacles(found)


def test_it_ends_in_time_and_says_that_it_has_not_seen_all(folder):
    assert carry.inspect([str(folder)], seconds=-1) == ({}, False)


def test_it_runs_alone_and_prints_whole_paths(folder):
    (folder / "l").symlink_to("deep")
    argv = [sys.executable, "-I", "-c", Path(carry.__file__).read_text(), "notebooks", "gone"]
    done = subprocess.run(argv, cwd=folder.parent, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "obstacles": {"notebooks/l": carry.LINK, "gone": carry.MISSING},
        "complete": True,
    }


def test_up_to_three_are_named_with_what_to_do_for_each_kind():
    assert carry.describe_obstacles({}) == ""
    told = carry.describe_obstacles({**dict.fromkeys("dcba", carry.LINK), "\x1b[2J": carry.UNREADABLE})
    assert told.startswith("HTCondor can't transfer '\\x1b[2J' (unreadable), a (a link to a folder), b (")
    assert ", and 2 more. Remove the link with `rm`" in told
    assert told.endswith("`chmod u+rX`, or move it elsewhere.")
