"""A session of the stock flow: ``condor_submit jupyter.sub`` on ``ap``, by alice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.artifacts import image
from testbed.host import errors
from testbed.host.waiting import wait

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.pool.pool import Pool

USER = "alice"
FOLDER = "/home/alice/jupyter"
#: Seconds for the job to be ready.
READY = 180
#: HTCondor's JobStatus of a job that won't run by itself.
HELD = "5"


def submit(pool: Pool, sif: Path, folder: str = FOLDER) -> str:
    """Lay out a folder of the user's on the access point and submit it; return the job's id."""
    submit_folder = image.CHECKOUT / "submit"
    for source in sorted(submit_folder.glob("jupyter.sub")) + sorted(
        path for path in (submit_folder / "notebooks").rglob("*") if path.is_file()
    ):
        pool.copy("ap", source, f"{folder}/{source.relative_to(submit_folder)}", USER)
    pool.exec("ap", ["mkdir", "-p", f"{folder}/notebooks"], user=USER, check=True)
    pool.copy("ap", sif, f"{folder}/jupyter.sif", USER)
    command = ["condor_submit", "-terse", "jupyter.sub"]
    said = pool.exec("ap", command, user=USER, cwd=folder, check=True).stdout
    return said.split()[0]


def wait_until_ready(pool: Pool, job: str) -> None:
    """Wait until the session is ready."""

    def look() -> bool | None:
        state, status, why = attributes(pool, job, "JupyterState", "JobStatus", "HoldReason ?: JupyterReason")
        if state == "failed" or status == HELD or not status:
            raise errors.UserError(f"job {job} is not to be ready: {why or 'it left the queue'}.")
        return state == "ready" or None

    wait(look, READY, f"job {job} to be ready", "see ci/pool status and ci/pool logs ep1")


def attributes(pool: Pool, job: str, *names: str) -> list[str]:
    """Return a job's attributes as text; empty if they are undefined or there is no job."""
    words = [word for name in names for word in ("-format", "%v\x1f", f'{name} ?: ""')]
    shown = pool.exec("ap", ["condor_q", job, *words], user=USER, check=True).stdout
    values = shown.split("\x1f")[: len(names)]
    return values + [""] * (len(names) - len(values))
