"""ci/bench: measure something and print ratios side by side."""

from __future__ import annotations

import argparse

from testbed import bench_start

BENCHES = {"start": bench_start.main}


def main(arguments: list[str]) -> int:
    """Run the bench that ``arguments`` name."""
    parser = argparse.ArgumentParser(prog="ci/bench", description=__doc__)
    parser.add_argument("name", choices=BENCHES, help="start: what the runtime costs beside bare JupyterLab")
    return BENCHES[parser.parse_args(arguments).name]()
