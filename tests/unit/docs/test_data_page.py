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
        "`chtc-jupyter cp data.h5 lab:` on your laptop",
        "pool/test_copies.py::test_a_file_goes_into_the_session_and_back_whether_or_not_it_is_open_here",
    ),
    (
        DATA,
        "the copy goes on once it is back",
        "pool/test_copies.py::test_a_gigabyte_both_ways_survives_a_network_that_is_cut",
    ),
    (
        DATA,
        "run the same command again",
        "unit/launcher/test_copying.py::test_a_copy_that_breaks_goes_on_where_it_was_also_as_another_command",
    ),
    (
        DATA,
        "also in JupyterLab's file browser",
        "browser/test_inputs.py::test_a_file_and_a_folder_of_the_access_point_are_in_the_file_browser",
    ),
    (
        DATA,
        "nothing of it\ntravels back",
        "pool/test_copies.py::test_inputs_are_beside_the_notebooks_and_never_come_back",
    ),
    (
        DATA,
        "it stays, and the session says",
        "unit/runtime/test_inputs.py::test_a_file_of_the_users_stays_and_is_named",
    ),
    (
        DATA,
        "`jupyter-session fetch` in a terminal",
        "pool/test_arrivals.py::test_what_is_put_into_the_folder_is_told_of_and_fetched_by_one_command",
    ),
    (
        DATA,
        "**Fetch** in the notification",
        "browser/test_arrivals.py::test_one_click_in_the_notification_brings_what_is_new",
    ),
    (
        DATA,
        "it hasn't changed since it came or was saved",
        "unit/runtime/test_arrivals.py::test_a_file_that_has_changed_there_replaces_one_that_has_not_changed_here",
    ),
    (
        DATA,
        "`data (from the access point).csv`",
        "unit/runtime/test_arrivals.py::test_a_file_that_has_changed_on_both_sides_comes_beside",
    ),
    (
        DATA,
        "`start` says so before it\nsubmits",
        "pool/test_copies.py::test_two_sessions_on_one_folder_are_said_before",
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
        "browser/test_first_day.py::test_numpy_and_a_plot_and_again_the_next_morning",
    ),
    (
        FIRST_DAY,
        "`%pip install -r",
        "browser/test_first_day.py::test_a_requirements_file_in_the_notebook_folder",
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
