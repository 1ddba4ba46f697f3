"""docs/data.md and docs/first-day.md: what they promise is bound to tests."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DATA, FIRST_DAY = ((ROOT / f"docs/{name}.md").read_text() for name in ("data", "first-day"))
#: Words of a page, and a test that shows what they say.
BOUND = [
    (DATA, "`scp -r data jupyter-lab:notebooks/`", "pool/test_ssh.py::test_scp_carries_a_gigabyte_both_ways_unchanged"),
    (DATA, "`rsync`", "pool/test_ssh.py::test_rsync_brings_only_what_has_changed"),
    (
        DATA,
        "beside the notebooks",
        "unit/launcher/test_submit.py::test_a_key_by_any_name_is_one_line_that_keeps_the_notebooks",
    ),
    (
        DATA,
        "isn't overwritten by the session's",
        "pool/test_saveback.py::test_what_changed_on_the_access_point_is_overwritten_neither_meanwhile_nor_at_the_end",
    ),
    (FIRST_DAY, "`chtc-jupyter start`", "pool/test_readme.py::test_commands_of_the_laptop"),
    (
        FIRST_DAY,
        "`%pip install numpy",
        "pool/test_packages_in_numbers.py::test_scientific_packages_are_there_in_the_next_session_within_seconds",
    ),
    (
        FIRST_DAY,
        "close the lid",
        "browser/test_notebook.py::test_tab_finds_its_kernel_again_after_a_minute_without_network",
    ),
    (
        FIRST_DAY,
        "within a minute",
        "pool/test_saveback.py::test_notebook_outlives_a_job_that_is_killed_without_warning",
    ),
]


@pytest.mark.parametrize(("page", "words", "test"), BOUND, ids=[words for _, words, _ in BOUND])
def test_words_of_a_page_are_bound_to_a_test(page, words, test):
    assert words in page
    path, name = test.split("::")
    assert re.search(rf"(?m)^def {name}\(", (ROOT / "tests" / path).read_text())


def test_glossary_has_twelve_words():
    rows = FIRST_DAY.partition("| word | meaning |")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(rows) == 12
