"""SECURITY.md says who can do what: each cell that says "can't" names tests, and these are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "SECURITY.md").read_text()
MATRIX = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.partition("| who |")[2].partition("\n\n")[0].splitlines()[2:]
]
TESTS = dict(re.findall(r"(?m)^(\d+)\. `(\S+)`$", TEXT))


@pytest.mark.parametrize("row", MATRIX, ids=[row[0] for row in MATRIX])
def test_each_cell_names_the_tests_that_show_it_or_a_note(row):
    assert len(row) == 5
    for cell in row[1:]:
        claims = re.split(r"[;,] (?=can|there|on )", cell)
        assert claims
        for claim in claims:
            if "can't" in claim:
                numbers = re.search(r": (\d+(?:, \d+)*)$", claim)
                assert numbers, f"{cell!r} names no test"
                assert set(numbers[1].split(", ")) <= set(TESTS), cell
            else:
                note = re.search(r"can \((\w)\)$", claim)
                assert note, f"{cell!r} has neither a test nor a note"
                assert f"- **({note[1]})** " in TEXT


def test_each_test_is_there_and_is_named_by_a_cell():
    named = set(re.findall(r"\d+", " ".join(cell for row in MATRIX for cell in row[1:])))
    assert named == set(TESTS)
    for where in TESTS.values():
        path, name = where.split("::")
        assert re.search(rf"(?m)^(?:async )?def {name}\(", (ROOT / path).read_text()), where
