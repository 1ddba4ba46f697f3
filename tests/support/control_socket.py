"""The control socket of a session, reached from outside the job: a login into the job costs half a second of CPU."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from jupyter_session.control import client
from testbed.pool.pool import Pool


def find(pool: Pool, job: str) -> tuple[str, int]:
    """Return the path of a job's control socket in the job, and the supervisor's process on the execution point."""
    sockets = pool.exec("ep1", ["ss", "-Hxlp"], check=True).stdout
    found = re.search(rf"(/\S+-{re.escape(job)}/control) .*pid=(\d+)", sockets)
    assert found, sockets
    return found[1], int(found[2])


def ask_status(pool: Pool, job: str) -> dict[str, Any]:
    """Return the status that the supervisor of a job gives to the user that the job runs as."""
    path, supervisor = find(pool, job)
    inside = pool.path("ep1", f"/proc/{supervisor}/root{path}")
    folder = os.open(inside.parent, os.O_PATH)  # the way there is open to root alone, the socket to its user alone
    try:
        os.seteuid(os.fstat(folder).st_uid)
        try:
            return dict(next(client.ask(Path(f"/proc/self/fd/{folder}") / inside.name, "status")))
        finally:
            os.seteuid(0)
    finally:
        os.close(folder)
