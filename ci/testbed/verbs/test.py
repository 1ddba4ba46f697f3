"""ci/test: every check and test, with all they need set up first: packages, a pool of their own, the image."""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from testbed.artifacts import image, launcher, venv
from testbed.host import apt, cache, checks, commands
from testbed.host.errors import say
from testbed.pool import boot
from testbed.pool.pool import Pool
from testbed.verbs import lints, results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.host.checks import Outcome

ROOT = venv.CHECKOUT
#: What runs without a pool, and what runs in one.
UNIT = ("tests/unit",)
POOL = ("tests/pool", "tests/browser")
#: Sessions mostly wait: more of them at once than there are cores.
WORKERS = 10
#: Unit tests compute; lints run beside them.
UNIT_WORKERS = 2
#: By how much longer than alone on the machine a test may take (see testbed.host.waiting).
PATIENCE = 3
#: Up to so many tests that failed run again, alone on the machine.
AGAIN = 5
#: The names of the two runs of pytest.
IN_UNIT, IN_POOL = "pytest, unit", "pytest in the pool"


def main(arguments: list[str]) -> int:
    """Run the checks; return 1 where one failed or no test ran."""
    parser = argparse.ArgumentParser(
        prog="ci/test",
        description=__doc__,
        epilog="Other arguments go to pytest; paths of tests select those alone, without the lints.",
        allow_abbrev=False,
    )
    parser.add_argument("--all", action="store_true", help="run the slow tests too")
    parser.add_argument(
        "--workers", type=int, default=WORKERS, metavar="N", help="tests at once in the pool (%(default)s)"
    )
    parser.add_argument(
        "--note-durations", action="store_true", help="write tests/durations.json, for the next runs' order"
    )
    options, extra = parser.parse_known_args(arguments)
    paths = [argument for argument in extra if (ROOT / argument.partition("::")[0]).exists()]
    rest = [argument for argument in extra if argument not in paths] + (["--all"] if options.all else [])

    started = time.monotonic()
    apt.install_all(*apt.TESTS, *(apt.SLOW_TESTS if options.all else ()))
    results.FOLDER.mkdir(exist_ok=True)
    for report in results.FOLDER.glob("*.xml"):
        report.unlink()
    pool = Pool(f"test-{os.getpid()}")
    try:
        outcomes = _run(pool, paths, rest, options.workers)
    finally:
        boot.down(pool)
    if options.note_durations:
        results.note_durations(results.report("pool"))
    failed = [outcome.name for outcome in outcomes if outcome.failed]
    if not failed and all(outcome.status for outcome in outcomes):
        failed.append("no test ran")
    if failed:
        say(f"ci/test: failed: {', '.join(failed)}")
    say(f"ci/test: {time.monotonic() - started:.0f} s in all; reports are in {results.FOLDER}")
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


def _run(pool: Pool, paths: Sequence[str], rest: Sequence[str], workers: int) -> list[Outcome]:
    """Run the checks side by side: the tests in the pool begin as soon as the pool and the image are there.

    A few tests that fail run once more, with nothing beside them.
    """
    in_pool = selected(paths, POOL)
    with ThreadPoolExecutor() as side, ThreadPoolExecutor(max_workers=3) as few:
        try:
            if in_pool:
                up = side.submit(boot.up, pool, owner=os.getpid(), quick=True)
                built = side.submit(image.build)
                side.submit(launcher.build)  # the first test that needs it finds it there
            env = _python()
            quick = [
                few.submit(_check, name, argv, env)
                for name, argv in _quick(selected(paths, UNIT), rest, lint=not paths).items()
            ]
            outcomes = []
            pool_env = env
            if in_pool:
                up.result()
                sif = built.result().path / "jupyter.sif"
                image.place(pool, sif, image.SHARED)
                pool_env = {**env, "POOL": pool.name, "JUPYTER_SIF": str(sif), "TEST_PATIENCE": str(PATIENCE)}
                outcomes.append(_in_pool(pool, pool_env, [*in_pool, *rest], workers))
            found = [*(check.result() for check in quick), *outcomes]
            return [_repeat(outcome, pool_env if outcome.name == IN_POOL else env, rest) for outcome in found]
        except BaseException:
            commands.stop_all()
            raise


def _quick(unit: Sequence[str], rest: Sequence[str], *, lint: bool) -> dict[str, list[str]]:
    """Return the commands that need no pool, by the names of the checks."""
    found = dict(lints.ALL) if lint else {}
    if unit:
        found[IN_UNIT] = [*_pytest("unit", UNIT_WORKERS), *unit, *rest]
    return found


def _check(name: str, argv: Sequence[str], env: dict[str, str]) -> Outcome:
    outcome = checks.run(name, argv, env, ROOT)
    checks.tell(outcome)
    return outcome


def _in_pool(pool: Pool, env: dict[str, str], arguments: Sequence[str], workers: int) -> Outcome:
    """Run the tests in the pool; keep the daemons' logs if one fails."""
    outcome = checks.show(IN_POOL, [*_pytest("pool", workers), *arguments], env, ROOT)
    if outcome.failed:
        logs = cache.folder() / "logs" / pool.name
        for old in sorted(logs.parent.glob("test-*"), key=lambda path: path.stat().st_mtime)[:-4]:
            cache.remove(old)
        pool.save_logs(logs)
        say(f"the daemons' logs are in {logs}")
    return outcome


def _repeat(outcome: Outcome, env: dict[str, str], rest: Sequence[str]) -> Outcome:
    """Run the tests of a run that failed once more, alone on the machine, if they are few; note those that pass."""
    report = {IN_UNIT: "unit", IN_POOL: "pool"}.get(outcome.name)
    again = results.failed(results.report(report)) if report and outcome.failed else []
    if not 0 < len(again) <= AGAIN:
        return outcome
    say(f"running once more, alone on the machine: {', '.join(again)}")
    options = [argument for argument in rest if argument.startswith("--")]
    repeated = checks.show(f"{outcome.name}, again", [*_pytest(f"{report}-again", 0), *again, *options], env, ROOT)
    if not repeated.failed:
        results.note_unsteady(again, lints.commit())
        say(f"UNSTEADY: {', '.join(again)} failed beside other tests and passed alone: noted in {results.UNSTEADY}")
    return repeated


def _pytest(name: str, workers: int) -> list[str]:
    """Return the words of a run of pytest: ``name`` is its report's."""
    side_by_side = ["-n", str(workers), "--maxschedchunk=1", "--dist=loadgroup"] if workers else []
    # A cache for each: the runs are at the same time.
    kept = ["-o", f"cache_dir=.pytest_cache/{name}", f"--junitxml={results.report(name)}"]
    return ["python", "-m", "pytest", *side_by_side, *kept]


def _python() -> dict[str, str]:
    """Return the environment of the tests' Python; the cache's entry is kept to the end."""
    return venv.environment(venv.get().path)
