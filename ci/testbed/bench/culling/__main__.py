"""Print the table: ``python -m testbed.bench.culling``. Exit status 1 if our rule ended awaited work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from testbed.bench.culling import baselines
from testbed.bench.culling.baselines import TIMEOUT
from testbed.bench.culling.simulate import Outcome, replay
from testbed.bench.culling.this_project import ThisProject
from testbed.bench.culling.traces import LONGEST_PAUSE, beyond, week

SEED, WEEKS = 3, 60
OURS = "this project"
RULES: dict[str, Callable[[int], baselines.Rule]] = {
    OURS: ThisProject,
    "the same, by Jupyter's word on kernels": partial(ThisProject, follows=False),
    "jupyter_server: cull_idle_timeout, shutdown_no_activity_timeout": baselines.JupyterServer,
    "the same, and cull_connected, and terminals culled": partial(
        baselines.JupyterServer, connected=True, terminals=True
    ),
    "the same, and cull_busy": partial(baselines.JupyterServer, connected=True, terminals=True, busy=True),
    "jupyterhub-idle-culler": partial(baselines.HubCuller, proxy=True),
    "the same, behind a proxy that reports no traffic": partial(baselines.HubCuller, proxy=False),
    "no rule": baselines.NoRule,
}
NOTES = f"""\
{WEEKS * 7} days of {WEEKS} people, seed {SEED}. Every rule sees the same minutes; the idle timeout is {TIMEOUT} min.
false stops: a session, kernel or terminal ended within {TIMEOUT} min of real work in it: a person at it, who does
  something every {LONGEST_PAUSE} min at least, or a computation that someone waits for.
work lost: hours that the computations ended so had run.
held idle: hours in which a session held its slot though nothing real had worked in it for {TIMEOUT} min. Time in
  which the job is suspended counts nowhere.
In these weeks, Jupyter takes some kernels at work for idle, and some that are done for busy, as it does. The second
rule is ours without the server extension that knows better, which was all of our rule before."""


def outcomes(weeks: Iterable[dict[str, Outcome]]) -> dict[str, Outcome]:
    """Add up the outcomes of all weeks."""
    found = {name: Outcome() for name in RULES}
    for one in weeks:
        for name, outcome in one.items():
            found[name].add(outcome)
    return found


def one_week(seed: int, number: int) -> dict[str, Outcome]:
    """Replay a week under each rule."""
    trace = week(seed, number)
    return {name: replay(trace, rule) for name, rule in RULES.items()}


def table(found: dict[str, Outcome]) -> list[str]:
    """Return the comparison, as Markdown."""
    ours = sum(found[OURS].idle.values())
    lines = ["| rule | false stops | work lost | held idle | to ours |", "|---|---|---|---|---|"]
    for name, outcome in found.items():
        stops, idle = sum(outcome.false_stops.values()), sum(outcome.idle.values())
        ratio = f"{idle / ours:.2f}" if ours else "-"
        lines.append(f"| {name} | {stops} | {outcome.lost / 60:.0f} h | {idle / 60:.0f} h | {ratio} |")
    return lines


def by_story(found: dict[str, Outcome]) -> list[str]:
    """Return the errors by kind of activity, with a column for each rule."""
    columns = "".join(f"{number + 1:>11}" for number in range(len(found)))
    lines = [f"{'false stops + hours held idle, rules as above':46}{columns}"]
    for story in sorted({story for outcome in found.values() for story in (*outcome.false_stops, *outcome.idle)}):
        line = f"{story:46}"
        for outcome in found.values():
            stops, hours = outcome.false_stops[story], round(outcome.idle[story] / 60)
            line += f"{f'{stops} + {hours}' if stops or hours else '-':>11}"
        lines.append(line)
    return lines


def limits() -> Iterator[str]:
    """Yield when our rule ends real work that looks like idleness."""
    yield "real, twelve hours long, and in none of the weeks above:"
    for story, trace in beyond():
        outcome = replay(trace, ThisProject)
        yield f"  {story:44}" + (f"ended after {outcome.held / 60:.1f} h" if outcome.false_stops else "kept")


def main() -> int:
    """Replay all weeks and print the outcome."""
    with ProcessPoolExecutor() as pool:
        found = outcomes(pool.map(partial(one_week, SEED), range(WEEKS)))
    print(NOTES, "", *table(found), "", *by_story(found), "", *limits(), sep="\n")
    return int(bool(found[OURS].false_stops))


if __name__ == "__main__":
    sys.exit(main())
