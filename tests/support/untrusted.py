"""Words and values as a job that means harm may have them, harmless themselves, for hypothesis."""

from __future__ import annotations

import unicodedata

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: Harmless words that a terminal or rich would act on if they came through.
TRICKY = (
    "\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "\x9d0;title\x9c", "\u202eright to left", "\u2066isolated",
    "[bold]bold[/]", "[/path]", "[link=http://127.0.0.1/]link[/link]", "\ud800", "\udc9b", "two\nlines", "a\rb",
    "../x", "/tmp/x", "..", ".", "", "-oOption=x", "\0", "x" * 5000,
)  # fmt: skip
words = st.one_of(
    st.sampled_from(TRICKY), st.text(max_size=60), st.text(st.characters(exclude_categories=()), max_size=9)
)
numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([99999999999999999, 10**400, -1, 1e308, float("inf"), True])
)
values = st.recursive(
    st.one_of(st.none(), words, numbers),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
)
many = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def assert_harmless(text: str) -> None:
    """Check that a terminal only shows a text."""
    bad = {c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert not bad, f"{bad!r} in {text[:200]!r}"
