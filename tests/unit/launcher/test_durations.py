"""Durations: read as people write them, written as people read them; the same as in the runtime."""

import pytest

from chtc_jupyter.durations import format_duration, parse_duration, validate_duration
from chtc_jupyter.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), ("1.5h", 5400), (" 5M ", 300), ("0", 0)],
)
def test_duration_is_read_in_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "never", "1h 30m", "-5m", "5 minutes", "m", "1hh", "1e3", "∞", "\uff110s", "5m\n6m", "9" * 99]
)
def test_what_is_no_duration_is_refused_with_examples(text):
    with pytest.raises(UsageError, match=r"Invalid duration .*\. Use a value such as 90s, 30m, or 1h30m\."):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (45.4, "45 s"),
        (-3, "0 s"),
        (119, "119 s"),
        (1740, "29 min"),
        (3599, "1 h"),
        (5400, "1 h 30 min"),
        (172800, "2 d"),
        (180000, "2 d 2 h"),
    ],
)
def test_duration_is_written_in_at_most_two_units(seconds, text):
    assert format_duration(seconds) == text


def test_never_is_taken_where_it_makes_sense_and_text_is_made_plain():
    assert validate_duration(" Never", never=True) == "never"
    assert validate_duration(" 1H30m ") == "1h30m"
    with pytest.raises(UsageError):
        validate_duration("never")
    with pytest.raises(UsageError):
        parse_duration("0s", positive=True)
    assert parse_duration("1s", positive=True) == 1
