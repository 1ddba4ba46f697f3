"""ci/demo: a pool, a session in it, and a URL that opens in a browser on this machine."""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ThreadPoolExecutor

from testbed import demo
from testbed.artifacts import image
from testbed.host import apt
from testbed.host.errors import UserError, say
from testbed.pool import boot
from testbed.pool.pool import Pool


def main(arguments: list[str]) -> int:
    """Start the demo and print its URL, or stop it."""
    parser = argparse.ArgumentParser(prog="ci/demo", description=__doc__)
    parser.add_argument("stop", nargs="?", choices=["stop"], help="end the session and the pool")
    options = parser.parse_args(arguments)
    pool = Pool.current()
    if options.stop:
        say("stopped" if boot.down(pool) else "nothing to stop")
        return 0
    if not (image.CHECKOUT / "submit/jupyter.sub").exists():
        raise UserError(f"{image.CHECKOUT} has no submit/jupyter.sub: is the checkout complete?")
    print(_running(pool) or _start(pool))
    return 0


def _running(pool: Pool) -> str | None:
    """Return the URL of a demo that is running already."""
    noted = pool.state / "demo"
    if pool.is_up() and noted.exists() and demo.answers(noted.read_text()):
        say("the demo is running already; stop it with `ci/demo stop`")
        return noted.read_text()
    return None


def _start(pool: Pool) -> str:
    apt.install_all()
    with ThreadPoolExecutor() as side:
        built = side.submit(image.build)
        boot.up(pool)
        entry = built.result()
    demo.prepare(pool, entry.path / "jupyter.sif")
    os.close(entry.lock)
    say(f"alice, on the laptop: {' '.join(demo.COMMAND)}")
    url = demo.show(pool, *demo.start(pool))
    noted = pool.state / "demo"
    noted.touch(0o600)
    noted.write_text(url)
    say("stop the session and the pool with `ci/demo stop`")
    return url
