"""Each row of the troubleshooting page is bound to a test, which shows its symptom in the same words."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/troubleshooting.md"
#: The rows and their tests.
ROWS = Path(__file__).with_name("troubleshooting.txt").read_text().splitlines()[1:]
BOUND = [[cell.strip() for cell in line.split(" | ")] for line in ROWS]


def symptoms():
    """Return the first cell of each row of each table, without the marks of code."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [re.split(r"(?<!\\)\|", line)[1].strip().replace("`", "") for line in lines]
    return [cell for cell in cells if cell != "symptom"]


def test_every_row_is_bound_to_a_test():
    words = [row[0].replace("`", "") for row in BOUND]
    assert [cell for cell in symptoms() if not any(word in cell for word in words)] == []


@pytest.mark.parametrize("row", BOUND, ids=[row[0] for row in BOUND])
def test_the_test_of_a_row_has_its_words(row):
    words, test, shown = row[0].replace("`", ""), row[1], row[2] if len(row) > 2 else row[0]
    assert any(words in cell for cell in symptoms()), "no row has these words"
    path, name = test.split("::")
    source = (ROOT / "tests" / path).read_text()
    found = re.search(rf"^(?:async )?def {name}\(", source, re.MULTILINE)
    assert found, f"{path} has no test of this name"
    before = source[: found.start()].rpartition("\n\n\n")[2]  # its parameters
    body = re.split(r"\n\n\n(?=\S)", source[found.start() :])[0]
    constants = "\n".join(re.findall(r"^[A-Z_]+ = .*?(?=^\S|\Z)", source, re.MULTILINE | re.DOTALL))
    assert shown in before + body + constants
