"""A quota that is full on the access point is treated like a full disk, though chirp has no name for it."""

import secrets

import pytest

from support.hosts import quota, small_disk
from support.session import sessions
from support.waiting import wait_for

pytestmark = pytest.mark.slow

QUOTA = "a quota there is full, of space or of the number of files"


@pytest.fixture
def folder():
    """Name a folder of alice's on the access point, for the sessions of one test."""
    return f"/home/alice/quota-{secrets.token_hex(4)}"


def left_out(session):
    """Return what is not saved while the session runs, with the reasons."""
    return session.status()["save"]["left_out"]


def test_a_file_beyond_a_real_quota_is_told_as_such_and_is_saved_once_there_is_room(pool, folder):
    """R9: 8 MB into a quota of 4 MB."""
    with quota(pool, folder, "4M") as limit, sessions(pool, folder) as new:
        session = new().submit("--idle-timeout 60s")
        session.ready(120)
        session.inside("sh", "-c", "head -c 8000000 /dev/zero >notebooks/large.bin")
        wait_for(lambda: left_out(session).get("large.bin") == QUOTA, 90, "status to name the quota")
        assert f"large.bin is left out: {QUOTA}" in session.inside("jupyter-session", "status")
        wait_for(lambda: any(QUOTA in warning for warning in session.warnings()), 60, "the warning")

        def only_saving_is_active():
            sources = session.status()["sources"]
            active = {seen["source"] for seen in sources if seen["active"]}
            return active == {"saving"} and all((seen["idle_for"] or 90) > 80 for seen in sources if not seen["active"])

        wait_for(only_saving_is_active, 180, "the session to be idle for longer than its timeout", every=3)
        limit("64M")
        assert session.wait_gone(300)["JupyterEnd"] == "idle"
        assert session.ap("stat", "-c", "%s", "notebooks/large.bin").stdout.strip() == "8000000"
        assert any(QUOTA in warning for warning in session.receipt()["warnings"])


def test_a_quota_that_others_files_have_filled_is_told_for_the_smallest_file_and_for_a_folder(pool, folder):
    with quota(pool, folder, "4M") as limit, sessions(pool, folder) as new:
        session = new().submit()
        session.ready(120)
        pool.exec("ap", ["sh", "-c", f"cat /dev/zero >{folder}/filler"], user="alice")
        session.inside(
            "sh", "-c", "mkdir notebooks/new; echo small >notebooks/small.txt; echo in >notebooks/new/in.txt"
        )
        wait_for(lambda: left_out(session) == {"small.txt": QUOTA, "new/in.txt": QUOTA}, 90, "status to name the quota")
        limit("64M")
        wait_for(lambda: session.file("notebooks/small.txt") == "small\n", 120, "the small file")
        wait_for(lambda: session.file("notebooks/new/in.txt") == "in\n", 60, "the file in the new folder")
        assert left_out(session) == {}


def test_a_disk_that_takes_no_more_files_has_no_space(pool, folder):
    with small_disk(pool, folder, "64m,nr_inodes=40"), sessions(pool, folder) as new:
        session = new().submit()
        session.ready(120)
        session.inside("sh", "-c", "for n in $(seq 60); do echo $n >notebooks/$n.txt; done")
        wait_for(lambda: "no space left there" in left_out(session).values(), 90, "status to tell of it")
        pool.exec("ap", ["mount", "-o", "remount,nr_inodes=400", folder], check=True)
        wait_for(lambda: session.file("notebooks/60.txt") and not left_out(session), 120, "all of the files")
        assert session.file("notebooks/7.txt") == "7\n"


def test_a_disk_that_cannot_be_written_is_not_called_a_quota(pool, folder):
    with sessions(pool, folder) as new:
        session = new().submit()
        session.ready(120)
        notebooks = f"{session.folder}/notebooks"
        pool.exec("ap", ["mount", "--bind", notebooks, notebooks], check=True)
        try:
            pool.exec("ap", ["mount", "-o", "remount,bind,ro", notebooks], check=True)
            session.inside("sh", "-c", "echo a >notebooks/a.txt")
            wait_for(lambda: "a.txt" in left_out(session), 90, "status to tell of it")
            assert "does not name" in left_out(session)["a.txt"]
        finally:
            pool.exec("ap", ["umount", "-l", notebooks], check=True)
        wait_for(lambda: session.file("notebooks/a.txt") == "a\n", 120, "the file")
