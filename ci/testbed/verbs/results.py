"""What a run of ci/test leaves in the folder test-results: reports, durations, and the tests that were unsteady."""

from __future__ import annotations

import json
import re
import time
import xml.etree.ElementTree as ET
from pathlib import Path

from testbed.artifacts import venv

FOLDER = venv.CHECKOUT / "test-results"
#: Tests that failed beside others and passed alone: the time, the commit, the test. Runs add to it.
UNSTEADY = FOLDER / "unsteady.txt"
#: How many seconds each test in the pool takes, for the longest to start first.
DURATIONS = venv.CHECKOUT / "tests" / "durations.json"


def report(name: str) -> Path:
    """Return the place of a JUnit report."""
    return FOLDER / f"{name}.xml"


def failed(path: Path) -> list[str]:
    """Return the tests that failed in a run of pytest, whose JUnit report this is."""
    return [name for name, case in _cases(path) if case.find("failure") is not None or case.find("error") is not None]


def durations(path: Path) -> dict[str, int]:
    """Return the seconds that each test took, in a run of pytest, whose JUnit report this is."""
    return {
        name: round(float(case.get("time", "0"))) for name, case in sorted(_cases(path)) if case.find("skipped") is None
    }


def note_durations(path: Path) -> None:
    """Write `DURATIONS`: what it says of tests that did not run is kept."""
    known = json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {}
    kept = {name: seconds for name, seconds in known.items() if (venv.CHECKOUT / name.partition("::")[0]).exists()}
    DURATIONS.write_text(json.dumps({**kept, **durations(path)}, indent=0, sort_keys=True) + "\n")


def note_unsteady(tests: list[str], commit: str) -> None:
    """Add tests to `UNSTEADY`."""
    FOLDER.mkdir(exist_ok=True)
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    with UNSTEADY.open("a") as file:
        file.writelines(f"{now} {commit} {test}\n" for test in tests)


def _cases(path: Path) -> list[tuple[str, ET.Element]]:
    """Return the tests of a report: their names as pytest takes them, and what is said of them."""
    try:
        cases = ET.parse(path).iter("testcase")  # noqa: S314 - pytest wrote it
    except (OSError, ET.ParseError):
        return []
    return [(f"{case.get('classname', '').replace('.', '/')}.py::{_name(case)}", case) for case in cases]


def _name(case: ET.Element) -> str:
    """Return the name of a test, without the group (``@group``) that xdist adds to those that share a session."""
    return re.sub(r"@[\w ]+$", "", case.get("name", ""))
