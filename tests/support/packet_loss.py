"""The network lost for one connection alone: the other tests go on using the same laptop."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator

from support.laptop import Running
from support.tunnel import Tunnel
from testbed.host import process
from testbed.pool.pool import HOSTS, Pool


@contextlib.contextmanager
def silence(pool: Pool, tunnel: Tunnel | Running) -> Iterator[None]:
    """Drop what arrives of a tunnel's ssh connection, at both its ends: neither side is told anything."""
    port = _port(pool, tunnel)
    table = f"inet silence_{port}"
    heard = {"laptop": f"tcp sport 22 tcp dport {port}", "ap": f"ip saddr {HOSTS['laptop']} tcp sport {port}"}
    for host, what in heard.items():
        rules = f"table {table} {{\nchain c {{\ntype filter hook input priority -10; {what} drop;\n}}\n}}\n"
        pool.exec(host, ["nft", "-f", "-"], input=rules, check=True)
    try:
        yield
    finally:
        for host in heard:
            pool.exec(host, ["nft", "delete", "table", *table.split()], check=True)


def _port(pool: Pool, tunnel: Tunnel | Running) -> int:
    """Return the port on the laptop of a tunnel's connection to the access point."""
    shown = subprocess.run(
        [*pool.nsenter_net("laptop"), "ss", "-Htnp", "dst", HOSTS["ap"]], capture_output=True, text=True, check=True
    ).stdout
    ours = _descendants(tunnel.process.pid)
    [port] = [
        int(found[1])
        for line in shown.splitlines()
        if (found := re.search(r":(\d+)\s+\S+:22\s.*pid=(\d+)", line)) and int(found[2]) in ours
    ]
    return port


def _descendants(pid: int) -> set[int]:
    return {pid}.union(*(_descendants(child) for child in process.children(pid)))
