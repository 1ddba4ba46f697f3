"""ci/pool: three hosts on this machine, an HTCondor pool: ap, ep1 (behind a firewall), laptop."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from testbed.pool import boot, kinds, network
from testbed.pool.accounts import SLOT_USERS, SYSTEM, USERS
from testbed.pool.pool import HOSTS, LOGS, Pool


def main(arguments: list[str]) -> int:
    """Run a command of ``ci/pool``."""
    options = _parser().parse_args(arguments)
    pool = Pool.current()
    command: str = options.command
    if command == "exec":
        return _exec(pool, options)
    if command == "logs":
        return _logs(pool, options)
    if command == "status":
        return _status(pool, as_json=options.json)
    if command == "up":
        if boot.up(pool, kind=options.kind):
            print(f"the pool {pool.name!r} is already up", file=sys.stderr)
    elif command == "down":
        if not boot.down(pool):
            print(f"the pool {pool.name!r} is not up", file=sys.stderr)
    elif command == "cut":
        pool.cut(options.host)
    elif command == "heal":
        pool.heal(options.host)
    return 0


def _parser() -> argparse.ArgumentParser:
    about = f"{__doc__} Set POOL to a name other than 'jupyter' for another pool beside it."
    parser = argparse.ArgumentParser(prog="ci/pool", description=about)
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    start = verbs.add_parser("up", help="start the pool (about 1 minute the first time, then 5 s)")
    about_kinds = "; ".join(f"{kind.name}: {kind.about}" for kind in kinds.KINDS)
    start.add_argument(
        "--kind", choices=[kinds.USUAL, *(kind.name for kind in kinds.KINDS)], default=kinds.USUAL, metavar="KIND",
        help=about_kinds,
    )  # fmt: skip
    verbs.add_parser("down", help="stop it and everything in it")
    status = verbs.add_parser("status", help="hosts, slots and jobs")
    status.add_argument("--json", action="store_true", help="as one JSON object")
    run = verbs.add_parser("exec", help="run a command on a host: exec HOST -- COMMAND...")
    run.add_argument("host", choices=HOSTS)
    users = [person.name for person in (*USERS, *SLOT_USERS, *SYSTEM)]
    run.add_argument("--user", choices=users, metavar="USER", default="root", help="alice, bob, ...")
    run.add_argument("--tty", action="store_true", help="give it a terminal")
    run.add_argument("argv", nargs="+", metavar="COMMAND")
    for verb, text in (("cut", "cut a host off: its packets vanish"), ("heal", "undo a cut")):
        verbs.add_parser(verb, help=text).add_argument("host", choices=HOSTS)
    logs = verbs.add_parser("logs", help=f"the daemons' logs ({', '.join(LOGS)} of a host)")
    logs.add_argument("host", nargs="?", choices=HOSTS)
    logs.add_argument("--follow", action="store_true", help="print what is added, until interrupted")
    logs.add_argument("--save", type=Path, metavar="DIR", help="copy them to DIR/HOST instead")
    return parser


def _exec(pool: Pool, options: argparse.Namespace) -> int:
    command = pool.command(options.host, options.argv, user=options.user, tty=options.tty)
    sys.stdout.flush()
    os.execvp(command[0], command)


def _logs(pool: Pool, options: argparse.Namespace) -> int:
    if options.save:
        pool.save_logs(options.save)
        return 0
    paths = [
        str(path)
        for host in ([options.host] if options.host else HOSTS)
        for log in LOGS
        for path in _files(pool.path(host, log))
    ]
    tail = ["tail", "--lines=+1", *(["--follow=name"] if options.follow else []), "--", *paths]
    return subprocess.run(tail, check=False).returncode


def _files(path: Path) -> list[Path]:
    found = sorted(path.iterdir()) if path.is_dir() else [path]
    return [path for path in found if path.is_file() and path.stat().st_size]


def _status(pool: Pool, *, as_json: bool) -> int:
    up = pool.is_up()
    seen: dict[str, Any] = {"pool": pool.name, "up": up, "hosts": {}, "slots": [], "jobs": []}
    if up:
        switch = pool.pid("switch")
        for host, address in HOSTS.items():
            cut = network.is_cut(switch, host)
            seen["hosts"][host] = {"pid": pool.pid(host), "address": address, "cut": cut}
        slots = "Name,State,Activity,Cpus,Memory,GPUs,RemoteOwner"
        seen["slots"] = _ads(pool, ["condor_status", "-json", "-attributes", slots])
        jobs = "ClusterId,ProcId,Owner,JobStatus,JupyterState,JupyterReason,HoldReason"
        seen["jobs"] = _ads(pool, ["condor_q", "-allusers", "-json", "-attributes", jobs])
    if as_json:
        print(json.dumps(seen, indent=2))
        return 0 if up else 1
    print(f"pool {pool.name}: {'up' if up else 'not up'}")
    for host, facts in seen["hosts"].items():
        state = "cut off" if facts["cut"] else "connected"
        print(f"  host {host:7} {facts['address']:11} PID {facts['pid']:7} {state}")
    for kind in ("slots", "jobs"):
        for ad in seen[kind]:
            print(f"  {kind[:-1]} " + " ".join(f"{name}={value}" for name, value in ad.items()))
    return 0 if up else 1


def _ads(pool: Pool, command: list[str]) -> list[dict[str, Any]]:
    shown = pool.exec("ap", command).stdout.strip()
    ads: list[dict[str, Any]] = json.loads(shown) if shown else []
    return ads
