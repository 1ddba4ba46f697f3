"""ci/bench: measure something and print ratios side by side."""

from __future__ import annotations

from testbed.errors import Problem


def main(arguments: list[str]) -> int:
    """Run the bench that ``arguments`` name."""
    raise Problem(f"there is no bench {' '.join(arguments)!r} yet.")
