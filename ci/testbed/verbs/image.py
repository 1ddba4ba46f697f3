"""ci/image: build jupyter.sif from Apptainer.def, unless it exists for this state of it and of runtime/."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from testbed.artifacts import image
from testbed.host.errors import UserError


def main(arguments: list[str]) -> int:
    """Print the path of the image."""
    parser = argparse.ArgumentParser(prog="ci/image", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="also copy the image to FILE")
    parser.add_argument(
        *("--build-arg", "-b"),
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a build argument of Apptainer.def, such as PACKAGES=numpy",
    )
    options = parser.parse_args(arguments)
    given: dict[str, str] = {}
    for argument in options.build_arg:
        name, separator, value = argument.partition("=")
        if not separator:
            raise UserError(f"--build-arg {argument!r} has no '=': use NAME=VALUE.")
        given[name] = value
    sif = image.build(given).path / "jupyter.sif"
    if options.output:
        temporary = options.output.with_name(f"{options.output.name}.partial")
        try:
            shutil.copyfile(sif, temporary)
            temporary.rename(options.output)
        finally:
            temporary.unlink(missing_ok=True)
        sif = options.output
    print(sif)
    return 0
