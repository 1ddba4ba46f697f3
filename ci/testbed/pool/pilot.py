"""An execution point as a glidein: HTCondor that one user runs, without root, as the OSPool's pilots do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbed.pool.pool import Pool

#: Whose jobs the site takes it for.
USER = "carol"
HOME = "/srv/pilot"


def start(pool: Pool, token: bytes) -> None:
    """Start the pilot on the execution point, with a token for the pool. Its files are in hosts/of_kind/pilot."""
    folders = ["log", "spool", "execute", "run", "lock", "tokens", "passwords"]
    make = ["install", "-d", "-o", USER, "-g", USER, HOME, *(f"{HOME}/{name}" for name in folders)]
    pool.exec("ep1", make, check=True)
    pool.put("ep1", f"{HOME}/tokens/pool", token, USER, 0o600)
    for script in ("prepare_job", "job_wrapper"):
        pool.exec("ep1", ["chmod", "755", f"{HOME}/{script}"], check=True)
    config = {"CONDOR_CONFIG": f"{HOME}/condor_config"}
    pool.exec("ep1", ["/usr/sbin/condor_master"], user=USER, env=config, cwd=HOME, check=True)
