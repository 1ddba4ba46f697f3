"""Run a verb: ``python3 -m testbed VERB [ARGUMENTS]``, as ``ci/VERB`` does by bootstrap.sh."""

from __future__ import annotations

import importlib
import sys

from testbed.host import errors


def main(verb: str, arguments: list[str]) -> int:
    """Import ``testbed.verbs.VERB`` and return the exit status of its ``main(arguments)``."""
    module = importlib.import_module(f"testbed.verbs.{verb}")
    status: int = module.main(arguments)
    return status


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    errors.exit_with(f"ci/{name}", lambda: main(name, rest))
