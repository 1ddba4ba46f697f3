"""Bring a pool up and take it down."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from testbed.host import apt, cache, errors, host_kernel, locks
from testbed.host.process import Process
from testbed.pool import kinds, namespaces, network, pilot, rootfs
from testbed.pool.accounts import SLOT_USERS, USERS
from testbed.pool.pool import HOSTS, STATE, Pool

FILES = Path(__file__).with_name("hosts")
#: Seconds until both slots of the execution point must be listed.
READY_DEADLINE = 60
SLOTS = {"slot1@ep1", "slot2@ep1"}


def up(pool: Pool, *, owner: int | None = None, quick: bool = False, kind: str = kinds.USUAL) -> bool:
    """Bring a pool up and wait until its slots are listed; return whether it was up before.

    If ``owner`` is the number of a process, the next `up` of any pool after that process has ended takes this
    pool down. With ``quick`` it has shorter intervals than stock HTCondor (hosts/quick). ``kind`` is one of `kinds`.
    """
    wanted = kinds.find(kind)
    if _is_up(pool, wanted):
        return True
    host_kernel.check()
    apt.ensure(apt.POOL, log=cache.log("apt"))
    roots = {host: rootfs.stable_hosts() if host in wanted.old else rootfs.hosts() for host in ("switch", *HOSTS)}
    sweep()
    with locks.locked(pool.lock):
        if _is_up(pool, wanted):
            return True
        _clear(pool)
        errors.say(f"starting the pool {pool.name!r}")
        started = time.monotonic()
        try:
            _start_hosts(pool, roots, owner, wanted, quick=quick)
            _set_up_ap(pool, wanted)
            with ThreadPoolExecutor() as both:
                for done in [both.submit(_set_up_ep, pool, wanted), both.submit(_set_up_laptop, pool)]:
                    done.result()
            _wait_for_slots(pool, {"slot1@ep1"} if wanted.pilot else SLOTS)
            (pool.state / "ready").touch()
        except BaseException as error:
            full = isinstance(error, Exception) and shutil.disk_usage(cache.folder()).free < 1 << 24
            with contextlib.suppress(OSError, errors.UserError):
                pool.save_logs(cache.log("pool").with_name(f"pool-{pool.name}"))
            _clear(pool)
            if full:
                raise errors.disk_full(cache.folder()) from error
            raise
    for root in roots.values():
        os.close(root.lock)
    errors.say(f"the pool {pool.name!r} is up, {time.monotonic() - started:.1f} s")
    return False


def _is_up(pool: Pool, kind: kinds.Kind) -> bool:
    """Return whether a pool is up; raises UserError if it is one of another kind."""
    if not pool.is_up():
        return False
    noted = pool.state / "kind"
    if (found := noted.read_text()) != kind.name:
        raise errors.UserError(f"the pool {pool.name!r} is up, and of the kind {found!r}: take it down first.")
    return True


def down(pool: Pool) -> bool:
    """End a pool and all that runs in it; return whether there was anything to end."""
    if not pool.state.exists() and not pool.disk.exists() and not pool.lock.exists():
        return False
    lock = locks.acquire(pool.lock)
    _end(pool, lock)
    return True


def sweep() -> None:
    """Take down the pools whose owner has ended, and what is left of pools that were killed."""
    names = {path.name for path in STATE.glob("*") if path.is_dir()}
    names |= {path.name for path in (cache.folder() / "pools").glob("*")}
    for pool in map(Pool, names):
        owner = Process.read(pool.state / "owner")
        if (owner and not owner.alive()) or Process.read(pool.state / "switch.pid") is None:
            lock = locks.try_acquire(pool.lock)
            if lock is not None:
                _end(pool, lock)


def _end(pool: Pool, lock: int) -> None:
    """Leave nothing of a pool whose lock is held, the lock included."""
    try:
        _clear(pool)
        pool.lock.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            STATE.rmdir()  # unless another pool is there
    finally:
        os.close(lock)


def _clear(pool: Pool) -> None:
    """Kill a pool's processes and remove its files, in any state."""
    disk = pool.disk
    namespaces.end_all(pool.state)
    cache.remove(disk)
    with contextlib.suppress(OSError):
        disk.parent.rmdir()


def _start_hosts(
    pool: Pool, roots: Mapping[str, cache.Entry], owner: int | None, kind: kinds.Kind, *, quick: bool
) -> None:
    """Start the switch, in whose PID namespace the hosts live: with it ends everything."""
    disk = cache.folder() / "pools" / pool.name
    pool.state.mkdir(parents=True)
    (pool.state / "disk").write_text(str(disk))
    (pool.state / "kind").write_text(kind.name)
    if owner and (identity := Process.of(owner)):
        (pool.state / "owner").write_text(f"{identity.pid} {identity.start} {identity.boot}\n")

    def start(name: str, inside: list[str], keep: tuple[int, ...] = ()) -> tuple[Process, Path]:
        pidfile, log = pool.state / f"{name}.pid", pool.state / f"{name}.log"
        scratch = disk / name
        root = roots[name].path
        more = [*([FILES / "quick"] if quick else []), *kind.list_files(name)]
        _fill(scratch / "upper", name, root, more)
        argv = inside + namespaces.sandbox(name, namespaces.INIT, pidfile=pidfile.name, root=root, scratch=scratch)
        return namespaces.start(argv, pidfile=pidfile, keep=keep, log=log), log

    switch, log = start("switch", [], tuple({root.lock for root in roots.values()}))
    namespaces.wait_for_root(switch, log=log)
    network.make_bridge(switch.pid)
    inside = namespaces.entering(switch.pid, "p")
    hosts = {name: start(name, inside) for name in HOSTS}
    for name, (process, log) in hosts.items():
        namespaces.wait_for_root(process, log=log)
        network.attach(switch.pid, name, process.pid, HOSTS[name])


def _fill(upper: Path, name: str, root: Path, more: Sequence[Path]) -> None:
    """Lay a host's own files over the root before it starts, and the folders ``more`` over those."""
    upper.mkdir(parents=True)
    for source in (FILES / "all", FILES / name, *more):
        if source.is_dir():
            shutil.copytree(source, upper, dirs_exist_ok=True)
    for path in upper.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    etc = upper / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "hostname").write_text(f"{name}\n")
    if name == "ep1":
        lines = [f"{user.name.upper()}_USER = {user.name}\n" for user in SLOT_USERS]
        (etc / "condor/config.d/70-slot-users").write_text("".join(lines))
    if name in ("ap", "laptop"):
        for user in USERS:
            shutil.copytree(root / "etc/skel", upper / user.home[1:])
            for path in [upper / user.home[1:], *(upper / user.home[1:]).rglob("*")]:
                os.chown(path, user.uid, user.uid)


def _set_up_ap(pool: Pool, kind: kinds.Kind) -> None:
    key = secrets.token_urlsafe(48).encode()
    for host in {"ap", kind.manager}:
        pool.put(host, "/etc/condor/passwords.d/POOL", key, mode=0o600)
    if kind.manager != "ap":
        pool.put("ap", "/etc/condor/tokens.d/pool", _make_token(pool), mode=0o600)
        for user in USERS:  # to ask the central manager on the other host
            token = _make_token(pool, user.name)
            pool.put("ap", f"{user.home}/.condor/tokens.d/pool", token, user.name, 0o600)
    _start_condor(pool, "ap")
    pool.exec("ap", ["mkdir", "-p", "/run/sshd"], check=True)
    pool.exec("ap", ["/usr/sbin/sshd", "-E", "/var/log/sshd.log"], check=True)


def _set_up_ep(pool: Pool, kind: kinds.Kind) -> None:
    token = _make_token(pool)
    pool.put("ep1", "/etc/condor/tokens.d/pool", token, mode=0o600)
    pool.exec("ep1", ["nft", "-f", "/etc/nftables/firewall.nft"], check=True)
    if kind.pilot:
        pilot.start(pool, token)
    else:
        _start_condor(pool, "ep1")


def _make_token(pool: Pool, name: str = "condor") -> bytes:
    made = pool.exec("ap", ["condor_token_create", "-identity", f"{name}@jupyter.pool"], check=True)
    return made.stdout.encode()


def _set_up_laptop(pool: Pool) -> None:
    host_key = pool.path("ap", "/etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
    known = f"ap,{HOSTS['ap']} {' '.join(host_key)}\n"
    pool.put("laptop", "/etc/ssh/ssh_known_hosts", known.encode())
    for user in USERS:
        key = f"{user.home}/.ssh/id_ed25519"
        pool.put("laptop", f"{user.home}/.ssh/config", b"", user.name, 0o600)
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", user.name, "-f", key]
        pool.exec("laptop", make, user=user.name, check=True)
        public = pool.path("laptop", f"{key}.pub").read_bytes()
        pool.put("ap", f"{user.home}/.ssh/authorized_keys", public, user.name, 0o600)


def _start_condor(pool: Pool, host: str) -> None:
    folders = ["/run/condor", "/run/lock/condor", "/var/log/condor"]
    pool.exec(host, ["install", "-d", "-o", "condor", "-g", "condor", *folders], check=True)
    pool.exec(host, ["condor_master"], check=True)


def _wait_for_slots(pool: Pool, slots: AbstractSet[str]) -> None:
    deadline = time.monotonic() + READY_DEADLINE
    while True:
        listed = pool.exec("ap", ["condor_status", "-af", "Name"])
        if set(listed.stdout.split()) >= slots:
            return
        if time.monotonic() > deadline:
            said = (listed.stderr.strip() or listed.stdout.strip() or "nothing").splitlines()[-1]
            raise errors.UserError(
                f"the pool's slots were not listed within {READY_DEADLINE} s (condor_status said "
                f"{said!r}); the daemons' logs are in {cache.folder() / 'logs'}/pool-{pool.name}."
            )
        time.sleep(0.2)
