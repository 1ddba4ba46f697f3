"""ci/setup: install the Debian packages that the test bed needs; every other verb does so first, by itself."""

from __future__ import annotations

import argparse

from testbed.host import apt


def main(arguments: list[str]) -> int:
    """Install what is missing."""
    parser = argparse.ArgumentParser(prog="ci/setup", description=__doc__)
    parser.add_argument("--tests", action="store_true", help="also install what only ci/test needs, such as Chromium")
    apt.install_all(*(apt.TESTS if parser.parse_args(arguments).tests else ()))
    return 0
