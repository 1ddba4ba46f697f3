"""Looks now and then for what is new on the access point, and brings here what is asked for, by a thread of its own."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence

from jupyter_session.condor.chirp_errors import AnswerError, ChirpError
from jupyter_session.saveback.access_point import AccessPoint
from jupyter_session.saveback.arrivals import Arrivals, is_within
from jupyter_session.saveback.errors import ChangedError, LeftOutError
from jupyter_session.saveback.ledger import Ledger
from jupyter_session.units.printable import escape_name
from jupyter_session.units.sizes import format_size

#: Seconds between two looks at what others put on the access point, and between two words on a file that comes.
LOOK, PROGRESS = 60.0, 2.0
#: Seconds until the second look at what is new there: it may still be written.
LOOK_AGAIN = 5.0


class Fetching:
    """The requests to fetch, which another thread makes by `ask`. `wake` has the own thread take a turn."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._requests: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self._asked = 0
        self._next_look = 0.0
        self.done = 0  # requests
        self.said = ""  # of the last one that is done

    def ask(self, paths: list[str]) -> int:
        """Ask for what is new on the access point, all of it or these; return the number of the request."""
        self._asked += 1
        self._requests.put(paths)
        self._wake()
        return self._asked

    def is_due(self) -> bool:
        """Return whether it is time to look, or a request waits."""
        return not self._requests.empty() or time.monotonic() >= self._next_look

    def take_turn(
        self,
        arrivals: Arrivals,
        there: AccessPoint,
        ledger: Ledger,
        *,
        is_closing: Callable[[], bool],
        report: Callable[[str], None],
    ) -> None:
        """Look once, and answer one request; call `report` with how far a file is. Raises ChirpError and OSError."""
        wanted = None if self._requests.empty() else self._requests.get()
        arrivals.look(there, ledger, at_once=wanted is not None)
        self._next_look = time.monotonic() + (LOOK_AGAIN if arrivals.are_unsure else LOOK)
        if wanted is None:
            return
        self.said = ""
        try:
            self.said = _fetch(arrivals, there, ledger, wanted, is_closing=is_closing, report=report)
        except (ChirpError, OSError) as error:
            self.said = f"Nothing more could be fetched: {error}."
            raise
        finally:
            self.done += 1
            if not self._requests.empty():
                self._wake()


def _fetch(
    arrivals: Arrivals,
    there: AccessPoint,
    ledger: Ledger,
    wanted: Sequence[str],
    *,
    is_closing: Callable[[], bool],
    report: Callable[[str], None],
) -> str:
    """Fetch what is wanted, all if that is nothing; return what is said of it."""
    found = sorted(arrivals.found)
    paths = [path for path in found if not wanted or any(is_within(path, each) for each in wanted)]
    lacking = [each for each in wanted if not any(is_within(path, each) for path in paths)]
    shown = time.monotonic()
    done, failed = [], [f"there is no new {escape_name(each)} on the access point" for each in lacking]
    for path in paths:
        size = arrivals.found[path].size
        try:
            for count in arrivals.fetch(there, ledger, path):
                if is_closing():
                    return "The session ends before all was fetched."
                if time.monotonic() > shown + PROGRESS:
                    shown = time.monotonic()
                    report(f"{format_size(count)} of {format_size(size)} of {escape_name(path)} are here")
            done.append(escape_name(path))
        except (AnswerError, LeftOutError) as error:
            failed.append(f"{escape_name(path)} was not fetched ({error})")
        except ChangedError:
            failed.append(f"{escape_name(path)} was not fetched, because it still changes there")
    said = f"Fetched {', '.join(done)}." if done else "" if failed else "Nothing is new on the access point."
    problems = "; ".join(failed)
    return f"{said} {problems[:1].upper()}{problems[1:]}{'.' if problems else ''}".strip()
