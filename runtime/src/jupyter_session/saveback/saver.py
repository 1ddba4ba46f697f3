"""Save-back in a thread with a chirp conversation of its own, so that a slow network never delays the session."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path

from jupyter_session import output
from jupyter_session.backoff import Backoff
from jupyter_session.condor.chirp import ChirpClient
from jupyter_session.condor.chirp_errors import AnswerError, ChirpError
from jupyter_session.condor.job_ad import Job
from jupyter_session.saveback.access_point import AccessPoint
from jupyter_session.saveback.arrivals import Arrivals
from jupyter_session.saveback.copier import Copier
from jupyter_session.saveback.destination import OffError, explain_no_files, find_destination
from jupyter_session.saveback.fetching import Fetching
from jupyter_session.saveback.journal import Journal
from jupyter_session.saveback.ledger import Ledger
from jupyter_session.saveback.plan import Limits
from jupyter_session.saveback.report import MOST_NAMES, Report
from jupyter_session.saveback.scan import compile_patterns
from jupyter_session.settings import Settings
from jupyter_session.units.printable import escape_name
from jupyter_session.units.sizes import format_size

#: Seconds from one look at the folder to the next, and seconds without a change before a file is sent.
INTERVAL, SETTLE = 15.0, 2.0

#: Of what is set aside at the end of a session.
LIST = "set-aside.json"

_LOG = logging.getLogger(__name__)
_LONGEST_INTERVAL = 30.0
_DONE = object()
_SHARE_OF_A_CORE = 0.01  # that looking may cost
_BACKOFF = Backoff(first=5.0, longest=60.0)
_TOO_LATE = (
    "There was not enough time to compare the notebooks with those on the access point: HTCondor brings all of them "
    "back."
)


class Saver:
    """Saves the folder of one session. `say` is called with each new problem.

    `list_links` makes the text of a file `LIST` in the session's own folder from the links that a look has found, or
    None: what the next session needs if this one can't end in order. `journal` is a file for the process that ends
    it then.
    """

    def __init__(
        self,
        settings: Settings,
        job: Job | None,
        folder: Path,
        *,
        say: Callable[[str], None],
        list_links: Callable[[list[str]], str | None] = lambda _: None,
        journal: Path | None = None,
        environ: Mapping[str, str] = os.environ,
        interval: float = INTERVAL,
        settle: float = SETTLE,
    ) -> None:
        self._settings = settings
        self._job = job
        self._folder = folder
        self._say = say
        self._list_links = list_links
        self._journal = journal
        self._listed: str | None = None
        self._environ = environ
        self._interval = interval
        self._settle = settle
        self._report = Report()
        self._reported = time.monotonic()
        self._closing = threading.Event()
        self._deadline = 0.0
        self._was_connected = False
        self._chirp: ChirpClient | None = None
        self._there: AccessPoint | None = None
        self._large: tuple[str, Generator[None], float] | None = None
        self._arrivals: Arrivals | None = None
        self._news = threading.Event()  # a request, or the end
        self._fetching = Fetching(self._news.set)
        self._thread = threading.Thread(target=self._run, name="saver", daemon=True)

    @property
    def report(self) -> Report:
        """What has been saved so far."""
        report, at = self._report, self._reported
        behind = None if report.behind is None else report.behind + time.monotonic() - at
        return dataclasses.replace(report, behind=behind)

    def start(self) -> None:
        """Take what the folder has now as what came with the job, and save what changes from now on."""
        self._thread.start()

    def fetch(self, paths: list[str]) -> int:
        """Ask for what is new on the access point, all of it or these; return the number of the request.

        The report says once it is done.
        """
        return self._fetching.ask(paths)

    def finish(self, seconds: float) -> None:
        """Prepare the folder for HTCondor, which brings it back next, and save the rest, for at most `seconds`."""
        self._deadline = time.monotonic() + seconds
        self._closing.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        if self._thread.is_alive():
            self._report = dataclasses.replace(self._report, problem=_TOO_LATE)

    def _run(self) -> None:
        try:
            place = find_destination(self._settings, self._job, self._folder, self._environ)
            self._arrivals = Arrivals(str(self._folder), compile_patterns(self._settings.save_exclude), place.started)
            copier = Copier(
                str(self._folder),
                self._job.id if self._job else "",
                Limits(self._settings.save_max_file, self._settings.save_max_total),
                compile_patterns(self._settings.save_exclude),
                make_ledger=partial(
                    Ledger.open,
                    started=place.started,
                    received_from=place.received_from,
                    journal=Journal(self._journal) if self._journal else None,
                ),
            )
            self._save_until_closed(copier, place.folder)
        except OffError as error:
            self._publish(Report(off=str(error)))
        except OSError as error:
            self._publish(Report(off=f"The notebook folder can't be read ({error.strerror})."))
        except Exception as error:  # noqa: BLE001 - the session goes on without it
            output.write_traceback()
            self._publish(Report(off=f"Internal error: {error!r}; see the job's error file for the details."))

    def _save_until_closed(self, copier: Copier, root: str) -> None:
        delay, failed = 0.0, 0.0
        while True:
            self._news.wait(delay)
            if self._closing.is_set():
                break
            self._news.clear()
            try:
                delay, failed = self._take_turn(copier, root), 0.0
                self._publish(copier.report(time.monotonic()))
            except (ChirpError, OSError) as error:  # every turn stands alone
                _LOG.debug("nothing can be saved now: %r", error)
                self._disconnect()
                delay = failed = _BACKOFF.delay_after(failed)
                problem = f"The notebooks can't be saved on the access point: {error}; trying again."
                self._publish(copier.report(time.monotonic(), problem))
        try:
            self._save_last(copier, root)
            problem = ""
        except (ChirpError, OSError) as error:
            problem = f"The notebooks could not be compared with those on the access point: {error}."
        self._disconnect()
        self._publish(copier.report(time.monotonic(), problem))

    def _take_turn(self, copier: Copier, root: str) -> float:
        """Save what has changed, large files for at most one interval; return the seconds until the next turn."""
        spent = time.thread_time()
        todo = copier.look(time.monotonic())
        pause = min(_LONGEST_INTERVAL, max(self._interval, (time.thread_time() - spent) / _SHARE_OF_A_CORE))
        if todo:
            self._closing.wait(self._settle)
            todo = copier.select_unchanged(todo, time.monotonic())
        links = self._list_links(copier.links)
        has_more_to_do = copier.has_removals or copier.has_closed_folders
        if todo or has_more_to_do or self._large or links != self._listed or not self._was_connected:
            there = self._connect(copier, root)
            if links is not None and links != self._listed and copier.send_list(there, LIST, links):
                self._listed = links
            self._send_small(copier, there, todo)
            copier.close_folders(there)
            copier.remove_gone(there)
            self._send_large(copier, there, todo, time.monotonic() + self._interval)
        copier.note_if_complete(time.monotonic())
        self._look_there(copier, root)
        if self._large:
            return 0.0
        self._disconnect()
        return pause

    def _look_there(self, copier: Copier, root: str) -> None:
        """Look now and then for what others have put there, and bring here what is asked for."""
        assert self._arrivals  # noqa: S101 - made before
        if self._fetching.is_due():
            self._fetching.take_turn(
                self._arrivals,
                self._connect(copier, root),
                copier.ledger,
                is_closing=self._closing.is_set,
                report=lambda part: self._publish(
                    dataclasses.replace(copier.report(time.monotonic()), problem="", fetching=part)
                ),
            )

    def _send_small(self, copier: Copier, there: AccessPoint, todo: list[str]) -> None:
        for path in todo:
            if self._closing.is_set():
                return
            if not copier.is_large(path):
                for _ in copier.send(there, path, time.monotonic()):
                    pass

    def _send_large(self, copier: Copier, there: AccessPoint, todo: list[str], until: float) -> None:
        waiting = [path for path in todo if copier.is_large(path) and not (self._large and path == self._large[0])]
        while not self._closing.is_set() and time.monotonic() < until:
            if self._large is None:
                if not waiting:
                    return
                path, started = waiting.pop(0), time.monotonic()
                self._large = path, copier.send(there, path, started), started
            path, sending, started = self._large
            if next(sending, _DONE) is _DONE:
                now = time.monotonic()
                copier.pause_after(path, now - started, now)
                self._large = None

    def _save_last(self, copier: Copier, root: str) -> None:
        self._drop_large()
        there = self._connect(copier, root)
        copier.close_folders(there)
        copier.protect(there)
        for path in copier.select_unchanged(copier.look(time.monotonic()), time.monotonic()):
            sending = copier.send(there, path, time.monotonic())
            while time.monotonic() < self._deadline and next(sending, _DONE) is not _DONE:
                pass
            sending.close()
        copier.clean_up(there)
        copier.note_if_complete(time.monotonic())

    def _connect(self, copier: Copier, root: str) -> AccessPoint:
        if self._chirp is None or self._there is None:
            self._chirp = ChirpClient.connect()
            self._there = AccessPoint(self._chirp, root, copier.folder)
            try:
                copier.clean_up(self._there)
            except AnswerError as error:
                if error.is_invalid_request:
                    raise OffError(explain_no_files(self._job)) from error
                raise
            self._was_connected = True
        if self._deadline:
            self._chirp.limit_time(self._deadline - time.monotonic())
        self._there.forget_folders()
        return self._there

    def _drop_large(self) -> None:
        if self._large:
            try:
                self._large[1].close()
            except ChirpError as error:
                _LOG.debug("a large file was not finished: %s", error)
            self._large = None

    def _disconnect(self) -> None:
        if self._chirp:
            self._chirp.close()
        self._chirp = self._there = None
        self._drop_large()

    def _publish(self, report: Report) -> None:
        if report.problem and not self._report.problem:
            self._say(report.problem)
        found = self._arrivals.found if self._arrivals else {}
        shown = itertools.islice(sorted(found.items()), MOST_NAMES)
        report = dataclasses.replace(
            report,
            arrived={escape_name(path): format_size(about.size) for path, about in shown},
            arrived_count=len(found),
            fetches=self._fetching.done,
            fetched=self._fetching.said,
        )
        self._report, self._reported = report, time.monotonic()
