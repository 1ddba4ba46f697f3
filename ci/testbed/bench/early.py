"""Disturb a hundred starts: kill a part of their early way in at a random moment, and count what isn't well."""

from __future__ import annotations

from pathlib import Path

from testbed.bench import in_tests

INSIDE = Path(__file__).with_name("early_inside.py")


def main() -> int:
    """Run it in the tests' Python environment, which has the code that tests share; return 1 if a start isn't well."""
    return in_tests.run(INSIDE, "the starts could not be disturbed")
