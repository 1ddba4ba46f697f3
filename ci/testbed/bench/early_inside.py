"""Run in the tests' Python environment, by `ci/bench early`."""

from __future__ import annotations

import os
import traceback
from concurrent.futures import ThreadPoolExecutor

from support.disturbed_start import KINDS, Disturbed, disturb
from support.hosts import configure, place_image
from support.laptop import Laptop
from testbed.bench import figures
from testbed.host.errors import say
from testbed.pool import boot
from testbed.pool.pool import Pool

#: How many starts, and how many at once: all of these see each schedd that is killed.
STARTS, AT_ONCE = int(os.environ.get("STARTS", "100")), 8
#: Which starts: each seed is another moment.
SEEDS = range(first := int(os.environ.get("FIRST_SEED", "0")), first + STARTS)


def main() -> int:
    """Disturb the starts on a pool of their own; print the table, and return 1 if one isn't well a minute later."""
    pool = Pool(f"bench-{os.getpid()}")
    boot.up(pool, owner=os.getpid())
    try:
        place_image(pool)
        # Else the master would wait twice as long before each restart of a schedd, and at last for minutes.
        configure(pool, "ap", "MASTER_BACKOFF_CEILING = 10")
        with ThreadPoolExecutor(AT_ONCE) as threads:
            found = list(threads.map(lambda seed: _disturb(pool, seed), SEEDS))
    finally:
        boot.down(pool)
    rows = []
    for kind in KINDS:
        seen = [one for seed, one in zip(SEEDS, found, strict=True) if KINDS[seed % len(KINDS)] == kind]
        there = [one for one in seen if one]
        counts = (sum(one.is_suspended for one in there), sum(one.is_lost for one in there), len(seen) - len(there))
        rows.append((kind, str(len(seen)), *map(str, counts)))
    figures.table(("killed", "starts", "suspended a minute later", "lost", "without an answer"), rows)
    return int(any(one is None or one.is_suspended or one.is_lost for one in found))


def _disturb(pool: Pool, seed: int) -> Disturbed | None:
    """Disturb a start and say what became of it; return None if that couldn't be found out."""
    laptop = Laptop(pool)
    try:
        try:
            found = disturb(laptop, seed)
        finally:
            laptop.close()
    except Exception:  # noqa: BLE001 - one of a hundred must not end the others
        say(f"{seed}: {traceback.format_exc(limit=-2)}")
        return None
    say(f"{'BAD ' if found.is_suspended or found.is_lost else ''}{found}")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
