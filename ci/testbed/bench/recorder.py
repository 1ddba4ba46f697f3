"""Measure what the recorder costs beside plain JupyterLab: opening a notebook, an idle tab, a cell of many lines."""

from __future__ import annotations

from pathlib import Path

from testbed.bench import in_tests

INSIDE = Path(__file__).with_name("recorder_inside.py")


def main() -> int:
    """Run the measurement in the tests' Python environment, which has Playwright; return 1 if a limit is exceeded."""
    return in_tests.run(INSIDE, "the recorder could not be measured")
