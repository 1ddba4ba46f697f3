"""Where log lines go: to standard error with -v, and to a bounded file for a session.

No log line has a secret: no module logs the token, and tests look for it.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S"
_LOG = logging.getLogger(__name__)
#: Bytes of one file of the supervisor's log, and how many older ones stay.
_LONGEST, _OLDER = 1 << 20, 1


def write_to_stderr(verbosity: int) -> None:
    """Log to standard error: nothing for 0, what happens for 1 (-v), details for 2 or more (-vv)."""
    logging.getLogger("jupyter_session").addHandler(logging.NullHandler())  # without -v, not even warnings
    if verbosity:
        _add(logging.StreamHandler(sys.stderr), logging.INFO if verbosity == 1 else logging.DEBUG)


def write_to_file(path: Path) -> None:
    """Log everything to a file of a private folder; with its predecessor, it never takes more than 2 MB."""
    from logging.handlers import RotatingFileHandler  # noqa: PLC0415 - only the supervisor needs it

    class Handler(RotatingFileHandler):
        def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
            """Drop the line: a full disk must not fill the job's error file with tracebacks."""

    try:
        handler = Handler(path, maxBytes=_LONGEST, backupCount=_OLDER, encoding="utf-8")
    except OSError as error:
        _LOG.warning("no log is written to %s: %s", path, error)
        return
    _add(handler, logging.DEBUG)


def _add(handler: logging.Handler, level: int) -> None:
    package = logging.getLogger("jupyter_session")
    handler.setFormatter(logging.Formatter(_FORMAT, _TIME))
    handler.setLevel(level)
    package.addHandler(handler)
    package.setLevel(min(level, package.level or level))
