"""A session for a look: submitted on ``ap``, opened from ``laptop``, shown on this machine."""

from __future__ import annotations

import re
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, TypeVar

from testbed import errors, forward, image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from testbed.pool import Pool

T = TypeVar("T")

USER = "alice"
FOLDER = "/home/alice/jupyter"
#: Seconds for the job to be ready, and for its tunnel to print the URL.
READY, TUNNEL = 180, 60
#: HTCondor's JobStatus of a job that will not run by itself.
HELD = "5"
URL = re.compile(r"http://(?:127\.0\.0\.1|localhost):(\d+)/\S*")


def submit(pool: Pool, sif: Path) -> str:
    """Lay out the user's folder on the access point and submit it; return the job's id."""
    submit_folder = image.CHECKOUT / "submit"
    for source in sorted(submit_folder.glob("jupyter.sub")) + sorted(
        path for path in (submit_folder / "notebooks").rglob("*") if path.is_file()
    ):
        pool.copy("ap", source, f"{FOLDER}/{source.relative_to(submit_folder)}", USER)
    pool.exec("ap", ["mkdir", "-p", f"{FOLDER}/notebooks"], user=USER, check=True)
    pool.copy("ap", sif, f"{FOLDER}/jupyter.sif", USER)
    command = ["condor_submit", "-terse", "jupyter.sub"]
    said = pool.exec("ap", command, user=USER, cwd=FOLDER, check=True).stdout
    return said.split()[0]


def wait_until_ready(pool: Pool, job: str) -> str:
    """Wait until the session is ready; return its ``JupyterConnect``, the line for the laptop."""

    def look() -> str | None:
        state, status, why, connect = attributes(
            pool, job, "JupyterState", "JobStatus", "HoldReason ?: JupyterReason", "JupyterConnect"
        )
        if state == "failed" or status == HELD or not status:
            raise errors.Problem(f"job {job} is not to be ready: {why or 'it left the queue'}.")
        return connect if state == "ready" else None

    return wait(look, READY, f"job {job} to be ready", "see ci/pool status and ci/pool logs ep1")


def attributes(pool: Pool, job: str, *names: str) -> list[str]:
    """Return attributes of a job as text, the undefined ones and those of no job empty."""
    words = [word for name in names for word in ("-format", "%v\x1f", f'{name} ?: ""')]
    shown = pool.exec("ap", ["condor_q", job, *words], user=USER, check=True).stdout
    values = shown.split("\x1f")[: len(names)]
    return values + [""] * (len(names) - len(values))


def connect(pool: Pool, line: str) -> tuple[str, int]:
    """Paste the line into a shell on the laptop, left running; return the URL it prints, its port."""
    output = pool.state / "connect.log"
    with output.open("wb") as log:
        subprocess.Popen(
            pool.command("laptop", ["bash", "-lc", line], user=USER),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def look() -> tuple[str, int] | None:
        found = URL.search(output.read_text(errors="replace"))
        return (found[0], int(found[1])) if found else None

    return wait(look, TUNNEL, "the tunnel to print its URL", f"what it printed is in {output}")


def show(pool: Pool, url: str, port: int) -> str:
    """Forward a port of this machine; return the URL that opens in a browser here."""
    here = forward.start(pool, "laptop", port)
    shown = url.replace(f":{port}/", f":{here}/", 1)

    def look() -> bool | None:
        return answers(shown) or None

    wait(look, 20, f"{shown} to answer", f"see {pool.state / 'forward.log'}")
    return shown


def answers(url: str) -> bool:
    """Tell whether a URL is answered, by whatever page."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def wait(look: Callable[[], T | None], seconds: float, what: str, advice: str) -> T:
    """Wait until ``look`` returns something other than None, with a word every ten seconds."""
    started = told = time.monotonic()
    while (found := look()) is None:
        now = time.monotonic()
        if now - started > seconds:
            raise errors.Problem(f"waited {seconds:.0f} s for {what}, in vain: {advice}.")
        if now - told > 10:
            errors.say(f"waiting for {what}: {now - started:.0f} s")
            told = now
        time.sleep(0.3)
    return found
