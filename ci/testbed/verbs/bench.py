"""ci/bench: measure something, and print the ratios side by side."""

from __future__ import annotations

import argparse

from testbed.bench import activity, culler, entry, open_page, save, scale, ssh, start, transfer

_MODULES = (
    start,
    open_page,
    activity,
    save,
    culler,
    scale,
    entry,
    transfer,
    ssh,
)
BENCHES = {module.__name__.rpartition(".")[2].removesuffix("_page"): module for module in _MODULES}


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
