"""The checks that ci/test runs: each a command, its output kept together, its time taken."""

from __future__ import annotations

import contextlib
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.host import commands, errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: pytest's status where it ran no test, as with a -k that names tests of another folder.
NO_TESTS = 5


@dataclass(frozen=True)
class Outcome:
    """How a check went: its exit status, what it printed, the seconds it took."""

    name: str
    status: int
    output: str
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether it found something wrong."""
        return self.status not in (0, NO_TESTS)


def run(name: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Outcome:
    """Run a check with its output kept, for several at once."""
    started = time.monotonic()
    with _process(argv, env, cwd, stdout=subprocess.PIPE) as process:
        output, _ = process.communicate()
    return Outcome(name, process.returncode, output, time.monotonic() - started)


def show(name: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Outcome:
    """Run a check that prints as it goes."""
    started = time.monotonic()
    with _process(argv, env, cwd, stdout=None) as process:
        process.wait()
    return Outcome(name, process.returncode, "", time.monotonic() - started)


def tell(outcome: Outcome) -> None:
    """Print how a check went, with its output if it failed."""
    if outcome.failed:
        print(outcome.output.rstrip(), flush=True)
    summary = outcome.output.rstrip().rpartition("\n")[2].strip("= ") if "pytest" in outcome.name else ""
    verdict = f"FAILED (status {outcome.status})" if outcome.failed else "ok"
    errors.say(f"{outcome.name}: {verdict}, {outcome.seconds:.1f} s{f' ({summary})' if summary else ''}")


@contextlib.contextmanager
def _process(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path, *, stdout: int | None
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        ["setpriv", "--pdeathsig=TERM", *argv],  # not left to itself when this process is killed
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout else None,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        commands.running.add(process.pid)
        try:
            yield process
        except BaseException:
            commands.kill_session(process.pid)
            raise
        finally:
            commands.running.discard(process.pid)
