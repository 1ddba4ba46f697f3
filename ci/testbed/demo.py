"""A session to look at: started from ``laptop`` as a user would, shown on this machine."""

from __future__ import annotations

import re
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from testbed.artifacts import image, launcher
from testbed.host import errors
from testbed.host.waiting import wait
from testbed.pool import forward

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.pool.pool import Pool

USER = "alice"
FOLDER = "/home/alice/jupyter"
COMMAND = ["chtc-jupyter", "start", "--ap", "ap", "--no-browser", "demo"]
#: Seconds for the launcher to print the address.
READY = 240
URL = re.compile(r"http://[a-z0-9.-]+:(\d+)/\S*")


def prepare(pool: Pool, sif: Path) -> None:
    """Put what the README asks for in place: the image on the access point, the launcher on the laptop."""
    pool.copy("ap", sif, f"{FOLDER}/jupyter.sif", USER)
    notebooks = image.CHECKOUT / "submit/notebooks"
    for source in (path for path in notebooks.rglob("*") if path.is_file()):
        pool.copy("ap", source, f"{FOLDER}/demo/notebooks/{source.relative_to(notebooks)}", USER)
    launcher.place(pool, "laptop")


def start(pool: Pool) -> tuple[str, int]:
    """Start the launcher and print what it prints; return the address that it prints, and its port."""
    output = pool.state / "launcher.log"
    output.touch(0o600)  # the address leads in
    with output.open("wb") as log:
        running = subprocess.Popen(
            pool.command("laptop", COMMAND, user=USER),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    shown = 0

    def look() -> tuple[str, int] | None:
        nonlocal shown
        lines = output.read_text(errors="replace").split("\n")[:-1]
        for line in lines[shown:]:
            if found := URL.search(line):
                return found[0], int(found[1])
            errors.say(line)
        shown = len(lines)
        if running.poll() is not None:
            raise errors.UserError(f"{' '.join(COMMAND)} ended with {running.returncode}: see {output}.")
        return None

    return wait(look, READY, "chtc-jupyter to print the address", f"what it printed is in {output}")


def show(pool: Pool, url: str, port: int) -> str:
    """Forward a port of this machine; return the URL that opens in a browser here."""
    here = forward.start(pool, "laptop", port)
    shown = url.replace(f":{port}/", f":{here}/", 1)

    def look() -> bool | None:
        return answers(f"http://127.0.0.1:{here}/") or None  # the address itself is good once

    wait(look, 20, f"{shown} to answer", f"see {pool.state / 'forward.log'}")
    return shown


def answers(url: str) -> bool:
    """Return whether a URL is answered, with any status."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
