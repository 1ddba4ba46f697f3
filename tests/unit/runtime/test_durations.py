"""Durations: read as people write them, written as people read them."""

import pytest

from jupyter_session.units.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), ("1.5h", 5400), (" 5M ", 300), ("0", 0)],
)
def test_a_duration_is_read_in_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "1h 30m", "-5m", "5 minutes", "m", "1hh", "1e3", "∞", "\uff110s", "5m\n6m"]
)
def test_what_is_no_duration_is_refused_with_examples(text):
    with pytest.raises(ValueError, match="write it like"):
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
def test_a_duration_is_written_in_at_most_two_units(seconds, text):
    assert format_duration(seconds) == text
