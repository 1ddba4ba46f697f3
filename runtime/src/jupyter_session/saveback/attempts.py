"""When each file may be sent, and why it could not be saved."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from jupyter_session.backoff import Backoff
from jupyter_session.condor.chirp_errors import AnswerError

#: Seconds after which a file that changes all the time is saved as it was at one moment, if it only grows.
RESTLESS = 45.0

_BACKOFF = Backoff(first=5.0, longest=60.0)
_PAUSE_AFTER_LARGE = 3  # times as long as sending it took
_RESTLESS = "it changes all the time"


@dataclass(frozen=True)
class Failure:
    """Why a file could not be saved the last time, and when to try again.

    `is_problem`: the access point refused it, so the user must know.
    """

    reason: str
    retry_at: float
    delay: float
    is_problem: bool


class Attempts:
    """Remembers what happened to the files that are to be sent. Times are seconds of any clock."""

    def __init__(self) -> None:
        self._failures: dict[str, Failure] = {}
        self._restless: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    def forget_others(self, changed: Collection[str]) -> None:
        """Forget all files but `changed`."""
        for known in (self._failures, self._restless, self._not_before):
            for path in [path for path in known if path not in changed]:
                del known[path]

    def is_due(self, path: str, now: float) -> bool:
        """Return whether a file may be sent now."""
        failure = self._failures.get(path)
        return now >= max(failure.retry_at if failure else 0, self._not_before.get(path, 0))

    def is_restless(self, path: str) -> bool:
        """Return whether a file changed while it was about to be sent, and has not been unchanged since."""
        return path in self._restless

    def note_unchanged(self, path: str) -> None:
        """Note that a file has not changed since it was last looked at."""
        self._restless.pop(path, None)

    def note_changed(self, path: str, now: float) -> float:
        """Note that a file changed while it was about to be sent; return since when it has been changing."""
        return self._restless.setdefault(path, now)

    def note_success(self, path: str) -> None:
        """Note that a file was saved."""
        self._failures.pop(path, None)

    def note_failure(self, path: str, error: Exception, now: float) -> None:
        """Note that a file could not be saved, and try it again later."""
        failure = self._failures.get(path)
        delay = _BACKOFF.delay_after(failure.delay if failure else 0)
        self._failures[path] = Failure(str(error), now + delay, delay, is_problem=isinstance(error, AnswerError))

    def pause(self, path: str, took: float, now: float) -> None:
        """Don't send a file again soon that took `took` seconds, until `now`: it would take the whole connection."""
        self._not_before[path] = now + _PAUSE_AFTER_LARGE * took

    def find_left_out(self, now: float) -> dict[str, str]:
        """Return the files that are not saved now, with the reasons."""
        restless = [path for path, since in self._restless.items() if now - since > RESTLESS]
        return {
            **{path: failure.reason for path, failure in self._failures.items()},
            **dict.fromkeys(restless, _RESTLESS),
        }

    def find_problems(self) -> list[tuple[str, str]]:
        """Return the files that the access point refuses now, with the reasons."""
        return [(path, failure.reason) for path, failure in self._failures.items() if failure.is_problem]

    def is_left_out(self, path: str) -> bool:
        """Return whether a file can't be saved for a reason that lies with the file."""
        failure = self._failures.get(path)
        return failure is not None and not failure.is_problem
