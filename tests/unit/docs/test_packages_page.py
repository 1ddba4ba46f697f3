"""docs/packages.md: each row of its table is bound to the tests that show it, and it quotes what the session says."""

import re
from pathlib import Path

import pytest

from jupyter_session.packages import messages

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/packages.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for head in ("| case |", "| environment |")
    for line in PAGE.partition(head)[2].partition("\n\n")[0].splitlines()[2:]
]
ENVIRONMENTS = "unit/runtime/test_kept_environments.py"
UNIT, POOL = "unit/runtime/test_kept_packages.py", "pool/test_packages.py"
#: The first words of each row, and a test that shows what the row says.
BOUND = {
    "the image has another Python": (UNIT, "test_other_python_installs_what_was_asked_for"),
    "you named an index": (UNIT, "test_index_of_a_package_is_on_the_list_and_stays_there"),
    "you installed from a file": (UNIT, "test_what_came_from_a_file_that_is_gone_is_said_to_another_python"),
    "the archive is broken": (UNIT, "test_broken_archive_is_said_and_made_anew"),
    "there is no room to unpack it": (UNIT, "test_full_disk_at_the_start_leaves_the_archive_as_it_is"),
    "there is no room to pack it": (UNIT, "test_full_disk_while_packing_keeps_the_last_archive"),
    "pip is killed": (POOL, "test_pip_that_is_killed_leaves_what_was_packed_before"),
    "the session ends while": (UNIT, "test_pip_that_does_not_end_with_the_session_is_said"),
    "the archive is larger": (
        "unit/runtime/test_saveback_plan.py",
        "test_archive_of_packages_may_be_larger_than_other_files",
    ),
    "made in a session": (
        "pool/test_environments.py",
        "test_environment_works_in_the_next_session_and_travels_as_one_file",
    ),
    "came as files": (ENVIRONMENTS, "test_environment_that_came_as_files_works_and_stays_files"),
    "removed in a session": (ENVIRONMENTS, "test_environment_that_is_removed_does_not_come_back"),
    "has other files": (ENVIRONMENTS, "test_folder_with_files_of_the_user_stays_as_it_is"),
    "there is no time or": (ENVIRONMENTS, "test_environment_for_which_there_is_no_time_comes_back_as_files"),
    "its archive can't": (ENVIRONMENTS, "test_archive_that_cant_be_unpacked_is_said_and_stays"),
    "a conda environment": (ENVIRONMENTS, "test_conda_environment_is_left_alone_and_explained"),
}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_row_is_bound_to_a_test(row):
    (path, name), *others = [bound for words, bound in BOUND.items() if row[0].startswith(words)]
    assert not others
    assert re.search(rf"(?m)^def {name}\(", (ROOT / "tests" / path).read_text())


def test_each_binding_is_of_a_row():
    assert [words for words in BOUND if not any(row[0].startswith(words) for row in ROWS)] == []


def test_what_the_page_quotes_is_what_a_session_says():
    quoted = re.findall(r"\"([^\"]+)\"", PAGE)
    assert quoted
    texts = [text.replace("{}", "") for name, text in vars(messages).items() if name.isupper()]
    assert [words for words in quoted if not any(words in text for text in texts)] == []
