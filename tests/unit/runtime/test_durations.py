"""Durations: read as people write them, written as people read them."""

import os
import re
import time

import pytest

from jupyter_session.units.durations import format_duration, format_time, parse_duration, parse_timeout

#: The same table as in tests/unit/launcher/test_durations.py: both programs have one grammar.
VALID = [
    ("90", 90),
    ("90s", 90),
    ("30m", 1800),
    ("1h30m", 5400),
    ("2d", 172800),
    ("1.5h", 5400),
    (" 5M ", 300),
    ("0", 0),
]
INVALID = ["", "soon", "1h 30m", "-5m", "5 minutes", "m", "1hh", "1e3", "∞", "\uff110s", "5m\n6m", "1" + 12 * "0"]
FORMATS = [
    (0, "0 s"),
    (45.4, "45 s"),
    (-3, "0 s"),
    (119, "119 s"),
    (1740, "29 min"),
    (3599, "1 h"),
    (5400, "1 h 30 min"),
    (172800, "2 d"),
    (180000, "2 d 2 h"),
]


@pytest.mark.parametrize(("text", "seconds"), VALID)
def test_a_duration_is_read_in_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", [*INVALID, "never"])
def test_an_invalid_duration_is_refused_with_examples(text):
    message = f"Invalid duration {text!r}. Use a value such as 90s, 30m, or 1h30m."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "seconds"), [("never", None), (" Never", None), ("90", 90), ("1h30m", 5400)])
def test_a_timeout_may_be_never(text, seconds):
    assert parse_timeout(text) == seconds


@pytest.mark.parametrize("text", ["0", "0s", "soon", ""])
def test_a_timeout_is_more_than_nothing(text):
    with pytest.raises(ValueError, match="Use a value such as"):
        parse_timeout(text)


@pytest.mark.parametrize(("seconds", "text"), FORMATS)
def test_a_duration_is_written_in_at_most_two_units(seconds, text):
    assert format_duration(seconds) == text


@pytest.fixture
def utc(monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(("epoch", "text"), [(55080, "15:18"), (86399, "23:59"), (86400 + 60, "1970-01-02 00:01")])
def test_a_time_has_its_date_unless_it_is_today(epoch, text):
    assert format_time(epoch, now=3600.0) == text
