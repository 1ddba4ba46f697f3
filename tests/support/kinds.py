"""Pools of other kinds than the usual one, with what every test of them needs, and the table of docs/pools.md.

python tests/support/kinds.py

writes the rows that the last runs have noted (`check_row`) into the table.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

if __name__ == "__main__":
    ROOT = Path(__file__).parents[2]
    sys.path[:0] = [str(ROOT / folder) for folder in ("ci", "tests", "submit/dag", "submit/src")]

from support.hosts import ROOT, place_image
from testbed.pool import boot
from testbed.pool.kinds import KINDS, USUAL
from testbed.pool.pool import Pool

PAGE = ROOT / "docs/pools.md"
#: Where a run notes its rows.
NOTED = ROOT / "test-results/pools"
#: What a run finds out on a pool of each kind; each is a column of the table.
COLUMNS = (
    "launcher",
    "connect line",
    "attach line",
    "`ssh`, `scp`",
    "saved meanwhile",
    "state in the queue",
    "idle end",
)


@contextlib.contextmanager
def pool_of(kind: str) -> Iterator[Pool]:
    """Bring up a pool of a kind for the duration of the block, with the image on its access point."""
    pool = Pool(f"kind-{secrets.token_hex(3)}")
    boot.up(pool, owner=os.getpid(), quick=True, kind=kind)
    try:
        place_image(pool)
        yield pool
    finally:
        boot.down(pool)


def check_row(kind: str, found: Mapping[str, str]) -> None:
    """Note what a run has found on a kind of pool; raise AssertionError if the page says otherwise."""
    row = render_row(kind, found)
    NOTED.mkdir(parents=True, exist_ok=True)
    (NOTED / f"{kind}.md").write_text(row)
    assert row in PAGE.read_text(), f"docs/pools.md has another row: python tests/support/kinds.py writes\n{row}"


def render_row(kind: str, found: Mapping[str, str]) -> str:
    """Return a kind's row of the table; what was not found is a dash."""
    [about] = [each.about for each in KINDS if each.name == kind] or ["the pool of all other tests"]
    return f"| `{kind}` | {' | '.join([about, *(found.get(name, '-') for name in COLUMNS)])} |\n"


def update_page(text: str) -> str:
    """Return the page with the rows that were noted in its table, in the order of the kinds."""
    head = f"| kind | what it is | {' | '.join(COLUMNS)} |\n"
    before, head, rest = text.partition(head)
    assert head, "the table of the page has other columns"
    line, *lines = rest.splitlines(keepends=True)
    rows = {row.split("`")[1]: row for row in lines[: lines.index("\n")]}
    rows |= {path.stem: path.read_text() for path in NOTED.glob("*.md")}
    names = [USUAL, *(kind.name for kind in KINDS)]
    return "".join([before, head, line, *(rows[name] for name in names if name in rows), *lines[lines.index("\n") :]])


if __name__ == "__main__":
    PAGE.write_text(update_page(PAGE.read_text()))
