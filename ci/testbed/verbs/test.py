"""ci/test: every test, with all they need set up first: packages, a pool of their own, the image."""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from testbed.artifacts import image, venv
from testbed.host import apt, cache, commands
from testbed.host.errors import say
from testbed.pool import boot
from testbed.pool.pool import Pool
from testbed.verbs import checks
from testbed.verbs.checks import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = venv.CHECKOUT
#: What runs without a pool, and what runs in one.
UNIT = ("tests/unit",)
POOL = ("tests/pool", "tests/browser")
#: Sessions mostly wait: more of them at once than there are cores.
WORKERS = "4"
#: So many tests that failed in the pool are run again, one at a time, and told of.
AGAIN = 2


def main(arguments: list[str]) -> int:
    """Run the checks; return 1 where one failed or no test ran."""
    parser = argparse.ArgumentParser(
        prog="ci/test",
        description=__doc__,
        epilog="Other arguments go to pytest; paths of tests select those alone.",
        allow_abbrev=False,
    )
    parser.add_argument("--all", action="store_true", help="the slow tests too")
    options, extra = parser.parse_known_args(arguments)
    paths = [word for word in extra if (ROOT / word.partition("::")[0]).exists()]
    rest = [word for word in extra if word not in paths] + (["--all"] if options.all else [])

    started = time.monotonic()
    apt.ensure((*apt.POOL, *apt.tests()), log=cache.log("apt"))
    pool = Pool(f"test-{os.getpid()}")
    try:
        outcomes = list(_run(pool, paths, rest))
    finally:
        boot.down(pool)
    failed = [outcome.name for outcome in outcomes if outcome.failed]
    if not failed and all(outcome.status for outcome in outcomes):
        failed.append("no test ran")
    if failed:
        say(f"ci/test: failed: {', '.join(failed)}")
    say(f"ci/test: {time.monotonic() - started:.0f} s in all")
    return 1 if failed else 0


def selected(paths: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Return the tests of ``folders`` to run: those among ``paths``, or without any all there are.

    >>> selected(["tests/unit/test_a.py::test_b", "tests/pool"], ["tests/unit"])
    ['tests/unit/test_a.py::test_b']
    """
    if not paths:
        return [folder for folder in folders if (ROOT / folder).exists()]
    tops = [ROOT / folder for folder in folders]

    def belongs(word: str) -> bool:
        path = (ROOT / word.partition("::")[0]).resolve()
        return any(path.is_relative_to(top) for top in tops)

    return [word for word in paths if belongs(word)]


def _run(pool: Pool, paths: Sequence[str], rest: Sequence[str]) -> Iterator[Outcome]:
    in_pool = selected(paths, POOL)
    with ThreadPoolExecutor() as side:
        try:
            quick = side.submit(_quick, selected(paths, UNIT), rest, lint=not paths)
            if in_pool:
                up = side.submit(checks.timed, "the pool", lambda: boot.up(pool, owner=os.getpid()))
                built = side.submit(checks.timed, "the image", image.build)
            yield from quick.result()
            if in_pool:
                up.result()
                sif = built.result().path / "jupyter.sif"
        except BaseException:
            commands.stop_all()
            raise
    if not in_pool:
        return
    python, env = _python()
    env.update(POOL=pool.name, JUPYTER_SIF=str(sif))
    argv = [python, "-m", "pytest", "-n", WORKERS, *in_pool, *rest]
    outcome = checks.show("pytest in the pool", argv, env, ROOT)
    unsteady = _few_failed() if outcome.failed else []
    if outcome.failed:
        logs = cache.folder() / "logs" / pool.name
        for old in sorted(logs.parent.glob("test-*"), key=lambda path: path.stat().st_mtime)[:-4]:
            cache.remove(old)
        pool.save_logs(logs)
        say(f"the daemons' logs are in {logs}")
    if unsteady:
        say(f"once more, alone on the machine: {', '.join(unsteady)}")
        outcome = checks.show(
            "pytest in the pool, failed before", [python, "-m", "pytest", *unsteady, *rest], env, ROOT
        )
        if not outcome.failed:
            say(f"UNSTEADY: failed beside other tests and passed alone, see above: {', '.join(unsteady)}")
    yield outcome


def _few_failed() -> list[str]:
    """Return the tests that failed in the last run of pytest; none where they are more than `AGAIN`.

    The machine may have been too busy for one or two of them. More, and something is wrong.
    """
    try:
        failed = json.loads((ROOT / ".pytest_cache/v/cache/lastfailed").read_text())
    except (OSError, ValueError):
        return []
    few = [name for name in failed if "::" in name and name.startswith(POOL)]
    return few if len(few) == len(failed) <= AGAIN else []


def _quick(unit: Sequence[str], rest: Sequence[str], *, lint: bool) -> list[Outcome]:
    """Run what needs no pool, one after the other: the pool and the image are made meanwhile."""
    python, env = _python()
    argv: dict[str, list[str]] = {}
    if lint:
        argv["ruff format"] = ["ruff", "format", "--check", "."]
        argv["ruff check"] = ["ruff", "check", "--output-format=concise", "."]
        argv["mypy"] = ["mypy"]
    if unit:
        argv["pytest, unit"] = ["pytest", *unit, *rest]
    outcomes = []
    for name, words in argv.items():
        outcome = checks.run(name, [python, "-m", *words], env, ROOT)
        checks.tell(outcome)
        outcomes.append(outcome)
    return outcomes


def _python() -> tuple[str, dict[str, str]]:
    """Return the tests' Python and its environment; the cache's entry is kept to the end."""
    place = venv.get().path
    return str(place / "bin/python"), venv.environment(place)
