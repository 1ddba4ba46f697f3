"""Read what `condor_submit -dry-run -` prints: the ads of the jobs that a submit file describes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

_ATTRIBUTE = re.compile(r"([A-Za-z_]\w*)\s?=\s?(.*)")
_COUNT = re.compile(r"(\d+) job\(s\) dry-run to cluster")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
#: The last line of an ad.
_END = (".", "")
#: More jobs than this are as bad as this many.
_MOST = 100_000

Ad = Mapping[str, Any]


class Expression(str):
    """A ClassAd expression that is not a literal, as it is written."""

    __slots__ = ()


def parse_dry_run(text: str) -> list[dict[str, Any]]:
    """Return the ads of the jobs, with lowercase names; a value that is not a literal is an Expression.

    HTCondor prints the first job's ad whole, and of each other job only what differs. Of jobs that are created later
    (`max_idle`, `max_materialize`) it prints one ad and their number.
    """
    ads: list[dict[str, Any]] = []
    current: dict[str, Any] = {}
    count = 0
    for line in text.splitlines():
        if found := _ATTRIBUTE.fullmatch(line):
            current[found[1].lower()] = parse_value(found[2])
        elif line in _END and current:
            ads.append({**(ads[0] if ads else {}), **current})
            current = {}
        if counted := _COUNT.match(line):
            count += int(counted[1])
    if current:
        ads.append({**(ads[0] if ads else {}), **current})
    return ads + ads[:1] * (min(count, _MOST) - len(ads))


def parse_value(text: str) -> Any:
    """Return the value of a literal (str, bool, int, or float), None for `undefined`, or else an Expression."""
    text = text.strip()
    low = text.lower()
    if low in ("true", "false"):
        return low == "true"
    if low == "undefined":
        return None
    if found := _NUMBER.fullmatch(text):
        return float(text) if found[1] or found[2] else int(text)
    if len(text) > 1 and text[0] == text[-1] == '"' and not re.search(r'(?<!\\)(\\\\)*"', text[1:-1]):
        return _ESCAPED.sub(lambda pair: _ESCAPES.get(pair[1], pair[1]), text[1:-1])
    return Expression(text)


def split_words(text: str) -> list[str]:
    """Return the words of the attributes Arguments and Environment, where single quotes group."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.quotes, lexer.escape, lexer.commenters = True, "'", "", ""
    try:
        return list(lexer)
    except ValueError:  # a quote that nothing closes
        return text.split()


def split_remaps(text: object) -> dict[str, str]:
    """Return the new names of output files (`a = b; c = d`) by the old ones; "" for one without."""
    pairs = (part.partition("=") for part in str(text or "").strip().strip('"').split(";"))
    return {name.strip(): where.strip() for name, _, where in pairs if name.strip()}


def split_list(text: object) -> list[str]:
    """Return the parts of a list such as TransferInput; an Expression has none that can be known."""
    if not isinstance(text, str) or isinstance(text, Expression):
        return []
    return [part.strip() for part in text.split(",") if part.strip()]
