"""Of a job's error file, the line that tells most is shown."""

import pytest

from chtc_jupyter.last_words import choose_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("\n \n", ""),
        ("one\ntwo\n\n", "two"),
        ("sleep: invalid time interval\nTry 'sleep --help'.", "sleep: invalid time interval"),
        ("a: error: this\nand so on\nbye", "a: error: this"),
        ("x\nThis job has no access to chirp: add `want_io_proxy = true`.\nstopped: Idle.\n",
         "This job has no access to chirp: add `want_io_proxy = true`."),
        ("\x1b[31mfailed\x07\n", "[31mfailed"),
        ("e" * 1000, "e" * 300),
    ],
)  # fmt: skip
def test_line_that_tells_most_is_chosen(text, line):
    assert choose_line(text) == line
