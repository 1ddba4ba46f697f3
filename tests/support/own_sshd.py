"""An sshd of a test's own on a host of the pool, and what a person at the laptop has in their ssh's configuration."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator

from testbed.pool.pool import Pool

#: A bastion that wants a second factor at each login: a key, and then a question.
SECOND_FACTOR = (
    "AuthenticationMethods publickey,keyboard-interactive",
    "KbdInteractiveAuthentication yes",
    "UsePAM yes",
    "PasswordAuthentication no",
)


class OwnSshd:
    """An sshd with a port and a log of its own on the access point."""

    def __init__(self, pool: Pool, port: int, folder: str) -> None:
        self.pool, self.port, self.folder = pool, port, folder

    def log(self) -> str:
        """Return all that it has logged."""
        return self.pool.path("ap", f"{self.folder}/log").read_text(errors="replace")

    def questions(self) -> int:
        """Return how many connections have come as far as a question."""
        return self.log().count("Postponed keyboard-interactive for ")

    def logins(self) -> int:
        """Return how many logins it has accepted."""
        return len(re.findall(r"Accepted (publickey|keyboard-interactive/pam) for", self.log()))


@contextlib.contextmanager
def own_sshd(pool: Pool, *lines: str, banner: str = "", inside: tuple[str, ...] = ()) -> Iterator[OwnSshd]:
    """Run an sshd with these lines of configuration for the duration of the block; `inside` precedes its command."""
    port, folder = 2000 + secrets.randbelow(1000), f"/run/sshd-{secrets.token_hex(3)}"
    more = ["PerSourcePenalties no", "LogLevel VERBOSE", f"PidFile {folder}/pid"]
    if banner:
        pool.put("ap", f"{folder}/banner", banner.encode())
        more.append(f"Banner {folder}/banner")
    # The first value counts; the rest is as on the access point's own.
    text = "\n".join([f"Port {port}", *lines, *more, "Include /etc/ssh/sshd_config", ""])
    pool.put("ap", f"{folder}/config", text.encode())
    pool.exec("ap", [*inside, "/usr/sbin/sshd", "-f", f"{folder}/config", "-E", f"{folder}/log"], check=True)
    try:
        yield OwnSshd(pool, port, folder)
    finally:
        with contextlib.suppress(Exception):
            pool.exec("ap", ["sh", "-c", f"kill $(cat {folder}/pid); rm -r {folder}"])


@contextlib.contextmanager
def ssh_config(pool: Pool, user: str, text: str) -> Iterator[None]:
    """Make this the user's ~/.ssh/config on the laptop for the duration of the block; end what ssh leaves open."""
    path = f"/home/{user}/.ssh/config"
    before = pool.path("laptop", path)
    old = before.read_bytes() if before.exists() else None
    pool.put("laptop", path, text.encode(), user)
    try:
        yield
    finally:
        pool.exec("laptop", ["pkill", "-9", "-u", user, "-x", "ssh"])
        if old is None:
            pool.exec("laptop", ["rm", "-f", path])
        else:
            pool.put("laptop", path, old, user)
