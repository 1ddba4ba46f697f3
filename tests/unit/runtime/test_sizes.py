"""Sizes: read as people write them, written as people read them."""

import pytest

from jupyter_session.units.sizes import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("512", 512),
        ("512B", 512),
        ("1KB", 1024),
        ("500K", 512000),
        ("256MB", 256 << 20),
        ("1.5GB", 3 << 29),
        (" 2 gb ", 2 << 30),
        ("1T", 1 << 40),
    ],
)
def test_a_size_is_read_in_bytes(text, count):
    assert parse_size(text) == count


@pytest.mark.parametrize(
    "text", ["", "much", "-1", "1 PB", "MB", "1e3", "1,5GB", "1MiB", "\uff11MB", "1MB\n2MB", "inf"]
)
def test_what_is_no_size_is_refused_with_examples(text):
    with pytest.raises(ValueError, match="Use a value such as"):
        parse_size(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1024, "1.0 KB"),
        (1434, "1.4 KB"),
        (36 << 30, "36 GB"),
        (1 << 40, "1.0 TB"),
        (5000 << 40, "5000.0 TB"),
    ],
)
def test_a_size_is_written_in_one_unit(count, text):
    assert format_size(count) == text
