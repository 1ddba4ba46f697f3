"""ci/bench: measure something, and print the ratios side by side."""

from __future__ import annotations

import argparse

from testbed.bench import (
    activity,
    against,
    culler,
    early,
    entry,
    open_page,
    page_load,
    recorder,
    save,
    scale,
    ssh,
    start,
    transfer,
)

_MODULES = (
    start,
    open_page,
    page_load,
    activity,
    save,
    culler,
    scale,
    entry,
    early,
    transfer,
    ssh,
    recorder,
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
    parser.add_argument(
        "--against", metavar="COMMIT", help="of `start` only: measure it beside the image and the launcher of a commit"
    )
    options = parser.parse_args(arguments)
    if options.against is None:
        status: int = BENCHES[options.name].main()
        return status
    if options.name != "start":
        parser.error(f"--against is an option of `start`, not of `{options.name}`")
    return against.main(options.against)
