"""Builds of an image where the disk is full, a quota is used up, or each login has a /tmp of its own."""

import secrets

import pytest

from support.hosts import SHARED_IMAGE, quota, small_disk
from testbed.artifacts import image

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
#: It needs no network, which the pool's hosts haven't.
DEFINITION = f"Bootstrap: localimage\nFrom: {SHARED_IMAGE}\n%post\n    echo made >/made\n"
PRIVATE_TMP = (
    'mount -t tmpfs -o size=3g,mode=1777 private /tmp; exec setpriv --reuid=alice --regid=alice --init-groups "$@"'
)


def build(pool, folder, *prefix, **environ):
    """Have alice build in a folder of hers; return what ended."""
    pool.put("ap", f"{folder}/mine.def", DEFINITION.encode(), "alice")
    argv = [*prefix, "apptainer", "build", "--mksquashfs-args", image.SQUASH, "mine.sif", "mine.def"]
    environ = {"HOME": "/home/alice", **environ}
    return pool.exec("ap", argv, user="root" if prefix else "alice", cwd=folder, env=environ, timeout=300)


@pytest.fixture
def folder(pool):
    """Yield a folder of alice's on the access point."""
    folder = f"/home/alice/builds-{secrets.token_hex(3)}"
    pool.exec("ap", ["mkdir", folder], user="alice", check=True)
    yield folder
    pool.exec("ap", ["rm", "-rf", folder], check=True)


def check_fails_for(why, pool, folder, small):
    """Check that a build whose temporary files are on a small disk says why it fails, and leaves no image."""
    ended = build(pool, folder, APPTAINER_TMPDIR=small)
    assert ended.returncode != 0
    assert why in (ended.stdout + ended.stderr).lower(), ended
    assert "mine.sif" not in pool.exec("ap", ["ls", folder]).stdout


def test_full_disk_is_named(pool, folder):
    with small_disk(pool, f"{folder}/small", "60m"):
        check_fails_for("no space left on device", pool, folder, f"{folder}/small")


def test_full_quota_is_named(pool, folder):
    with quota(pool, f"{folder}/mine", "60M"):
        check_fails_for("disk quota exceeded", pool, folder, f"{folder}/mine")


def test_build_with_a_private_tmp_ends_in_a_session(pool, folder, new_laptop):
    ended = build(pool, folder, "unshare", "-m", "sh", "-c", PRIVATE_TMP, "sh")
    assert ended.returncode == 0, ended
    laptop = new_laptop()
    running = laptop.start("--image", f"{folder}/mine.sif")
    assert laptop.answers(running.url(180))
    assert laptop.inside("cat", "/made").strip() == "made"
    assert laptop.call("stop", laptop.name).returncode == 0
