"""ci/bench: measure something and print ratios side by side."""

from __future__ import annotations

import argparse

from testbed import (
    bench_activity,
    bench_culler,
    bench_entry,
    bench_open,
    bench_save,
    bench_scale,
    bench_ssh,
    bench_start,
    bench_transfer,
)

_MODULES = (
    bench_start,
    bench_open,
    bench_activity,
    bench_save,
    bench_culler,
    bench_scale,
    bench_entry,
    bench_transfer,
    bench_ssh,
)
BENCHES = {module.__name__.rpartition("bench_")[2]: module for module in _MODULES}


def main(arguments: list[str]) -> int:
    """Run the bench that ``arguments`` name."""
    parser = argparse.ArgumentParser(
        prog="ci/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    told = (f"{name:10} {(module.__doc__ or '').splitlines()[0]}" for name, module in BENCHES.items())
    parser.epilog = "\n".join(told)
    parser.add_argument("name", choices=BENCHES)
    status: int = BENCHES[parser.parse_args(arguments).name].main()
    return status
