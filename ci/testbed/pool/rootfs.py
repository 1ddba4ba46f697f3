"""The Debian roots: one that the pool's hosts run, and one that the image starts from."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.host import apt, cache, commands
from testbed.pool import namespaces
from testbed.pool.accounts import SLOT_USERS, USERS

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What is in the hosts' root beside Debian's smallest system.
HOST_PACKAGES = (
    *("condor", "apptainer", "squashfuse", "fuse2fs", "fuse-overlayfs", "uidmap"),
    *("openssh-client", "openssh-server", "ca-certificates", "curl", "iproute2", "nftables", "procps", "curl"),
    *("bash", "fish", "zsh", "tmux", "python3", "tini", "git", "rsync"),
)
#: Paths that no package needs to work.
NO_DOCS = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
#: dpkg need not wait for the disk: a root that is not complete is removed.
DPKG_OPTION = "force-unsafe-io"
#: A mirror may lag behind the date until which it vouches for its lists.
APT_OPTION = 'Acquire::Check-Valid-Until "false"'
#: HTCondor's proof that Apptainer works here (HasSIF): Debian's package lacks the file.
EXIT_37 = "usr/libexec/condor/exit_37.sif"
MAKE_EXIT_37 = (
    *("apptainer", "build", "--fakeroot", f"/{EXIT_37}"),
    "/usr/libexec/condor/singularity_test_sandbox",
)
#: What Apptainer's package has that a root of another release needs.
APPTAINER = ("etc/apptainer", "usr/bin/apptainer", "usr/lib/*/apptainer", "var/lib/apptainer")


def hosts() -> cache.Entry:
    """Return the root that the hosts run: Debian sid with HTCondor and Apptainer."""
    recipe = cache.key(HOST_PACKAGES, NO_DOCS, APT_OPTION, MAKE_EXIT_37, _accounts(), 2)
    what = "the hosts' Debian root"
    return cache.get("hosts", recipe, _build_hosts, what=what, takes="1 minute")


def stable_hosts() -> cache.Entry:
    """Return a root with an older HTCondor: Debian trixie's, with the Apptainer of `hosts`, which trixie lacks."""
    usual = hosts()
    packages = [package for package in HOST_PACKAGES if package != "apptainer"]
    recipe = cache.key(packages, NO_DOCS, APT_OPTION, _accounts(), usual.path.name, 2)

    def build(place: Path) -> None:
        _mmdebstrap("trixie", packages, place)
        _add_accounts(place)
        for source in (path for pattern in (*APPTAINER, EXIT_37) for path in usual.path.glob(pattern)):
            target = place / source.relative_to(usual.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)

    entry = cache.get("stable-hosts", recipe, build, what="a Debian root with an older HTCondor", takes="1 minute")
    os.close(usual.lock)
    return entry


@dataclass(frozen=True)
class Base:
    """A root that an image starts from: a release of Debian with packages, then changed by a shell script in it.

    ``packages`` of the usual one are those of the image, so that a rebuild does not fetch them anew.
    """

    suite: str = "trixie"
    packages: tuple[str, ...] = ()
    script: str = ""


def image_base(base: Base) -> tuple[cache.Entry, str]:
    """Return a root that an image starts from, and the key of its recipe."""
    about = (sorted(base.packages), NO_DOCS, APT_OPTION, 1)
    is_usual = (base.suite, base.script) == (Base.suite, Base.script)
    recipe = cache.key(*about) if is_usual else cache.key(*about, base.suite, base.script)

    def build(place: Path) -> None:
        _mmdebstrap(base.suite, base.packages, place)
        for partial in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
            cache.remove(place / partial)  # apt's own: unreadable in `apptainer build --fakeroot`
        if base.script:
            change = ["chroot", str(place), "/bin/sh", "-euc", base.script]
            commands.run(change, doing=f"changing the Debian {base.suite} root", log=cache.log("base"), timeout=120)

    kind, what = ("base", "the image's Debian base") if is_usual else ("variant-base", f"a Debian {base.suite} base")
    return cache.get(kind, recipe, build, what=what, takes="30 s"), recipe


def bare() -> cache.Entry:
    """Return the root of a machine with nothing installed: Debian trixie as small as apt-get runs in it."""

    def build(place: Path) -> None:
        _mmdebstrap("trixie", ["mount"], place, variant="apt")  # for sandbox.sh

    return cache.get("bare", cache.key("mount", NO_DOCS, APT_OPTION, 1), build, what="a bare root", takes="20 s")


def _build_hosts(place: Path) -> None:
    _mmdebstrap("sid", HOST_PACKAGES, place)
    _add_accounts(place)
    _in_root(place, MAKE_EXIT_37, keep=EXIT_37)


def _add_accounts(place: Path) -> None:
    """Add the accounts, and what HTCondor needs to log in to jobs of one without a shell."""
    for file, lines in _accounts().items():
        with (place / "etc" / file).open("a") as known:
            known.write("".join(f"{line}\n" for line in lines))
    # Debian's package has the file where HTCondor does not look for it: without it nobody can use
    # condor_ssh_to_job on a job that runs as an account without a shell.
    (place / "usr/lib/condor/libgetpwnam.so").symlink_to("../libgetpwnam.so")


def _accounts() -> dict[str, list[str]]:
    """Return the lines to add to files of /etc."""
    people = [*USERS, *SLOT_USERS]
    return {
        "passwd": [f"{p.name}:x:{p.uid}:{p.uid}::{p.home}:{p.shell}" for p in people],
        "group": [f"{p.name}:x:{p.uid}:" for p in people],
        "shadow": [f"{p.name}:*:20000:0:99999:7:::" for p in people],
        # `apptainer build --fakeroot` as root wants it, where root lacks a capability.
        "subuid": ["root:100000:65536"],
        "subgid": ["root:100000:65536"],
    }


def _mmdebstrap(suite: str, packages: Sequence[str], place: Path, variant: str = "minbase") -> None:
    log = cache.log(f"debian-{suite}")
    log.unlink(missing_ok=True)
    apt.ensure(apt.POOL, log=cache.log("apt"))
    commands.run(
        [
            *("mmdebstrap", f"--variant={variant}", f"--aptopt={APT_OPTION}"),
            *(f"--dpkgopt={option}" for option in (DPKG_OPTION, *(f"path-exclude={path}" for path in NO_DOCS))),
            *([f"--include={','.join(packages)}"] if packages else []),
            *(suite, str(place)),
        ],
        doing=f"making the Debian {suite} root",
        log=log,
        timeout=1200,
    )
    for node in (place / "dev").iterdir():
        shutil.rmtree(node) if node.is_dir() and not node.is_symlink() else node.unlink()
    (place / "etc/resolv.conf").write_text("")
    place.chmod(0o755)


def _in_root(root: Path, command: Sequence[str], *, keep: str) -> None:
    """Run a command in a sandbox over ``root`` and add the file ``keep`` that it made to it."""
    log = cache.log("debian-sid")
    with tempfile.TemporaryDirectory(dir=root.parent, prefix="scratch-") as folder:
        scratch = Path(folder)
        argv = namespaces.sandbox(
            *("build", command),
            pidfile=scratch / "pid",
            root=root,
            scratch=scratch,
        )
        env = {"PATH": namespaces.PATH, "LANG": "C.UTF-8", "HOME": "/root"}
        commands.run(argv, doing=f"{command[0]} in the root", log=log, timeout=120, env=env)
        shutil.copy2(scratch / "upper" / keep, root / keep)
