"""What a terminal is given to show: whatever comes from a job, a server, or another user is only text there."""

from __future__ import annotations

import re
import unicodedata

#: Escape sequences as a whole (`CSI ... m`, `OSC ... BEL`), and every other control character but tabs and line ends.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
)
#: What may stand in place of a character that isn't printable; other such characters are left out.
_SHOWN = {"\n": "\n", "\t": "\t", "\u2028": "\n", "\u2029": "\n"}


def make_printable(text: str) -> str:
    """Return a text that a terminal only shows: no escapes, controls, or marks that turn the direction of what follows.

    It may come from a job, and may have been read from bytes that aren't UTF-8.
    """
    return "".join(c if c.isprintable() else _show(c) for c in _ESCAPE.sub("", text))


def _show(character: str) -> str:
    kind = unicodedata.category(character)
    return " " if kind == "Zs" else "\ufffd" if kind in ("Cs", "Co", "Cn") else _SHOWN.get(character, "")
