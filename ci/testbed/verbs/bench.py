"""ci/bench: measure something and print ratios side by side."""

from __future__ import annotations

import argparse

from testbed import bench_activity, bench_culler, bench_entry, bench_save, bench_scale, bench_start, bench_transfer

HELP = (
    "start: what the runtime costs beside bare JupyterLab; activity: what it costs to look for activity; "
    "culler: our idle rule beside others', on made-up weeks; save: a large notebook folder beside a small one; "
    "scale: a hundred sessions on one access point; entry: how soon a fresh job can be entered; "
    "transfer: the ways of a large file into a session"
)
BENCHES = {
    "start": bench_start.main,
    "activity": bench_activity.main,
    "culler": bench_culler.main,
    "save": bench_save.main,
    "scale": bench_scale.main,
    "entry": bench_entry.main,
    "transfer": bench_transfer.main,
}


def main(arguments: list[str]) -> int:
    """Run the bench that ``arguments`` name."""
    parser = argparse.ArgumentParser(prog="ci/bench", description=__doc__)
    parser.add_argument("name", choices=BENCHES, help=HELP)
    return BENCHES[parser.parse_args(arguments).name]()
