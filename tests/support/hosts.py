"""What a test does to the hosts of the pool: run a program beside it, place the image, change the configuration."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from support.waiting import patience
from testbed.artifacts import image
from testbed.pool import boot
from testbed.pool.pool import HostProcess, Pool, kill_tree

ROOT = Path(__file__).parents[2]
SHARED_IMAGE = image.SHARED


@contextlib.contextmanager
def background(pool: Pool, host: str, argv: Sequence[str], user: str = "root", **options: Any) -> Iterator[HostProcess]:
    """Run a command on a host for the duration of the block; its output and errors are one stream."""
    running = pool.popen(host, argv, user=user, **{"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, **options})
    try:
        yield running
    finally:
        kill_tree(running.pid)
        with running:  # its streams are closed
            running.wait(10 * patience())


def configure(pool: Pool, host: str, *lines: str) -> None:
    """Replace what the test has added to a host's HTCondor configuration, and have the daemons read it."""
    pool.put(host, "/etc/condor/config.d/90-policy", "".join(f"{line}\n" for line in lines).encode())
    pool.exec(host, ["condor_reconfig"], check=True)


@contextlib.contextmanager
def login_shell(pool: Pool, user: str, line: str) -> Iterator[None]:
    """Begin a user's login shell on the access point with a line for the duration of the block.

    Not for two tests at once: each user's file on a pool belongs to one test.
    """
    profile = pool.path("ap", f"/home/{user}/.bashrc")
    before = profile.read_text()
    profile.write_text(f"{line}\n{before}")
    try:
        yield
    finally:
        profile.write_text(before)


@contextlib.contextmanager
def small_disk(pool: Pool, folder: str, size: str) -> Iterator[None]:
    """Make a folder of alice's on the access point a disk of this size for the duration of the block."""
    pool.exec("ap", ["mkdir", "-p", folder], user="alice", check=True)  # as root, the way to it would be root's
    pool.exec("ap", ["mount", "-t", "tmpfs", "-o", f"size={size},uid=2001,mode=755", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        pool.exec("ap", ["umount", "-l", folder], check=True)


@contextlib.contextmanager
def quota(pool: Pool, folder: str, size: str) -> Iterator[Callable[[str], None]]:
    """Make a folder of alice's on the access point a disk with a quota of this size for the duration of the block.

    Yields what changes the quota. It is btrfs's: other file systems need a kernel with quotas.
    """
    pool.exec("ap", ["mkdir", "-p", folder], user="alice", check=True)
    device = f"/dev/{Path(folder).name}"
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as undo:
        image, place = Path(temporary) / "disk", Path(temporary) / "place"
        place.mkdir()

        def run(*argv: str | Path) -> str:
            return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

        def limit(size: str) -> None:
            run("btrfs", "qgroup", "limit", size, place / "q")

        run("truncate", "-s", "600M", image)
        run("mkfs.btrfs", "-q", image)
        loop = run("losetup", "--find", "--show", image)
        undo.callback(run, "losetup", "--detach", loop)
        run("mount", loop, place)
        undo.callback(run, "umount", place)
        run("btrfs", "quota", "enable", place)
        run("btrfs", "subvolume", "create", place / "q")
        limit(size)
        number = str(os.minor(Path(loop).stat().st_rdev))
        pool.exec("ap", ["mknod", device, "b", "7", number], check=True)
        undo.callback(pool.exec, "ap", ["rm", device])
        pool.exec("ap", ["mount", "-t", "btrfs", "-o", "subvol=q", device, folder], check=True)
        undo.callback(pool.exec, "ap", ["umount", "-l", folder])
        pool.exec("ap", ["chown", "alice:", folder], check=True)
        yield limit


def place_image(pool: Pool, host: str = "ap") -> None:
    """Put the image on a host, for sessions to link to, unless it is there already."""
    sif = Path(os.environ["JUPYTER_SIF"]) if "JUPYTER_SIF" in os.environ else image.build().path / "jupyter.sif"
    image.place(pool, sif, SHARED_IMAGE, host)


@contextlib.contextmanager
def pool_of_its_own() -> Iterator[Pool]:
    """Bring up a pool that no other test uses for the duration of the block, with the image on its access point."""
    pool = Pool(f"own-{secrets.token_hex(3)}")
    boot.up(pool, owner=os.getpid())
    try:
        place_image(pool)
        yield pool
    finally:
        boot.down(pool)
