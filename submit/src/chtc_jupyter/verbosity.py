"""The launcher's log, which `-v` (steps) and `-vv` (everything) print on standard error. No secret is in it."""

from __future__ import annotations

import logging
import re
import sys

from chtc_jupyter.printable import make_printable

#: The logger of the whole package.
ROOT = "chtc_jupyter"
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
_TOKEN = re.compile(r"""(token["']?[=: ]+["']?)[A-Za-z0-9_-]{8,}""", re.IGNORECASE)

_count = 0
#: Lines that wait while something is asked on the terminal; None while nothing is.
_paused: list[str] | None = None


class _Handler(logging.Handler):
    """Writes to what is standard error at that moment: a spinner replaces it for a while."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n"
            if _paused is not None:
                _paused.append(line)
                return
            sys.stderr.write(line)
            sys.stderr.flush()
        except (OSError, ValueError):
            self.handleError(record)


class _Formatter(logging.Formatter):
    """Leaves every token out, wherever it comes from."""

    def format(self, record: logging.LogRecord) -> str:
        return make_printable(_TOKEN.sub(r"\1...", super().format(record)))


def add(count: int) -> None:
    """Print more of the log, by as many steps as there are `-v` options."""
    global _count  # noqa: PLW0603 - options may stand before and after the verb
    _count += count
    if _count:
        logger = logging.getLogger(ROOT)
        logger.setLevel(_LEVELS[min(_count, 2)])
        if not any(isinstance(handler, _Handler) for handler in logger.handlers):
            handler = _Handler()
            handler.setFormatter(_Formatter(_FORMAT, "%H:%M:%S"))
            logger.addHandler(handler)


def get_count() -> int:
    """Return the number of `-v` options, for programs that have such an option too."""
    return _count


def pause() -> None:
    """Keep the log back, because something is asked on the terminal."""
    global _paused  # noqa: PLW0603 - there is one terminal
    _paused = [] if _paused is None else _paused


def resume() -> None:
    """Print what was kept back, and the log from now on."""
    global _paused
    kept, _paused = _paused, None
    if kept:
        sys.stderr.write("".join(kept))
        sys.stderr.flush()
