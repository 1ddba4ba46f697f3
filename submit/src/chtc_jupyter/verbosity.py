"""The launcher's log, which `-v` (steps) and `-vv` (everything) print on standard error. No secret is in it."""

from __future__ import annotations

import logging
import re
import sys
from typing import TextIO

#: The logger of the whole package.
ROOT = "chtc_jupyter"
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
_TOKEN = re.compile(r"(token[=: ]+)[A-Za-z0-9_-]{8,}", re.IGNORECASE)

_count = 0


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to what is standard error when it writes: a spinner replaces it for a while."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(_Formatter(_FORMAT, "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _Formatter(logging.Formatter):
    """Leaves every token out, wherever it comes from."""

    def format(self, record: logging.LogRecord) -> str:
        return _TOKEN.sub(r"\1...", super().format(record))


def add(count: int) -> None:
    """Print more of the log, by as many steps as there are `-v` options."""
    global _count  # noqa: PLW0603 - options may stand before and after the verb
    _count += count
    if _count:
        logger = logging.getLogger(ROOT)
        logger.setLevel(_LEVELS[min(_count, 2)])
        if not any(isinstance(handler, _Handler) for handler in logger.handlers):
            logger.addHandler(_Handler())


def get_count() -> int:
    """Return the number of `-v` options, for programs that have such an option too."""
    return _count
