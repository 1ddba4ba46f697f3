"""submit/ssh_config on the laptop, set up by the commands of docs/ssh.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from testbed.artifacts import venv

if TYPE_CHECKING:
    from testbed.pool.pool import Pool


def commands(page: str) -> str:
    """Return the commands of the page that set it up, for the access point of the pool and whoever runs them."""
    found = re.search(r"```\n(\$ ssh-keygen.*?)```", page, re.DOTALL)
    assert found, page  # noqa: S101 - the page has changed, and so must this
    lines = [line.removeprefix("$ ") for line in found[1].splitlines()]
    return "\n".join(lines).replace("ap.example.org", "ap").replace("AP_USER|alice", "AP_USER|$(id -un)")


def set_up(pool: Pool, user: str) -> None:
    """Set a user's ssh up, once."""
    submit = venv.CHECKOUT / "submit"
    with pool.placing("laptop", f"ssh-{user}", "1") as needed:
        if needed:
            pool.copy("laptop", submit / "ssh_config", f"/home/{user}/ssh_config", user)
            script = commands((venv.CHECKOUT / "docs/ssh.md").read_text())
            pool.exec("laptop", ["sh", "-ec", script], user=user, check=True)
