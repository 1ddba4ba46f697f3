"""Measure how long JupyterLab's page takes in Chromium on a slow line, beside plain JupyterLab, and its bytes."""

from __future__ import annotations

from pathlib import Path

from testbed.bench import in_tests

INSIDE = Path(__file__).with_name("page_load_inside.py")


def main() -> int:
    """Run the measurement in the tests' Python environment, which has Playwright; return 1 if a limit is exceeded."""
    return in_tests.run(INSIDE, "the page could not be measured")
