"""Of a job's error file, the line that tells most is shown."""

import pytest

from chtc_jupyter.last_words import choose_line, describe_end


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


@pytest.mark.parametrize(
    ("errors", "output", "image", "is_foreign"),
    [
        ("/bin/sh: 0: Illegal option --", "", "docker://python:3.12", True),
        ("", "", "other.sif", True),
        ("", "Python 3.12.1\n", "other.sif", True),
        ("jupyter-session: Invalid duration 'soon'.", "", "jupyter.sif", False),
        ("", "starting: on ep1\n", "jupyter.sif", False),
        ("sh: oops", "", "", False),
    ],
)
def test_image_that_starts_something_else_is_named(errors, output, image, is_foreign):
    said = describe_end(errors, output, image)
    assert (f"The image {image} seems to have no jupyter-session" in said) == is_foreign
    assert choose_line(errors) in said
