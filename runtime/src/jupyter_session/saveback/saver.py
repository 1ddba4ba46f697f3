"""Save-back in a thread of its own, with a chirp conversation of its own: a slow network never delays the session."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from pathlib import Path

from jupyter_session.condor import chirp
from jupyter_session.condor.chirp import AnswerError, ChirpClient, ChirpError
from jupyter_session.condor.job_ad import Job
from jupyter_session.saveback.copier import Copier
from jupyter_session.saveback.plan import Limits
from jupyter_session.saveback.remote import AccessPoint
from jupyter_session.saveback.report import Report
from jupyter_session.saveback.scan import compile_patterns
from jupyter_session.settings import Settings

#: Seconds from one look at the folder to the next, and what a file must hold still before it is sent.
INTERVAL, SETTLE = 15.0, 2.0

_LONGEST_INTERVAL = 30.0
_DONE = object()
_SHARE_OF_A_CORE = 0.01  # that looking may cost
_FIRST_DELAY, _LONGEST_DELAY = 5.0, 60.0
NO_FILES = "HTCondor lets this job write no files by chirp: add `want_io_proxy = true` to the submit file."
_TOO_LATE = (
    "The time was too short to compare the notebooks with those on the access point: HTCondor brings all of them back."
)


class _OffError(Exception):
    """Nothing can be saved in this session, for this reason."""


class Saver:
    """Saves the folder of one session. `say` is called with a problem when it is new."""

    def __init__(
        self,
        settings: Settings,
        job: Job | None,
        folder: Path,
        *,
        say: Callable[[str], None],
        environ: Mapping[str, str] = os.environ,
        interval: float = INTERVAL,
        settle: float = SETTLE,
    ) -> None:
        self._settings = settings
        self._job = job
        self._folder = folder
        self._say = say
        self._environ = environ
        self._interval = interval
        self._settle = settle
        self._report = Report()
        self._reported = time.monotonic()
        self._closing = threading.Event()
        self._deadline = 0.0
        self._was_connected = False
        self._files: ChirpClient | None = None
        self._there: AccessPoint | None = None
        self._large: tuple[str, Generator[None], float] | None = None
        self._thread = threading.Thread(target=self._run, name="saver", daemon=True)

    @property
    def report(self) -> Report:
        """What has been saved so far."""
        report, at = self._report, self._reported
        behind = None if report.behind is None else report.behind + time.monotonic() - at
        return dataclasses.replace(report, behind=behind)

    def start(self) -> None:
        """Take what lies in the folder now as what came with the job, and save what changes from now on."""
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Prepare the folder for HTCondor, which brings it back next, and save what is left, for so long at most."""
        self._deadline = time.monotonic() + seconds
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        if self._thread.is_alive():
            self._report = dataclasses.replace(self._report, problem=_TOO_LATE)

    def _run(self) -> None:
        try:
            root, started, received_from = destination(self._settings, self._job, self._folder, self._environ)
            copier = Copier(
                str(self._folder),
                self._job.id if self._job else "",
                Limits(self._settings.save_max_file, self._settings.save_max_total),
                compile_patterns(self._settings.save_exclude),
                started=started,
                received_from=received_from,
            )
            self._go_on(copier, root)
        except _OffError as error:
            self._tell(Report(off=str(error)))
        except OSError as error:
            self._tell(Report(off=f"The notebook folder can't be read ({error.strerror})."))
        except Exception as error:  # noqa: BLE001 - the session goes on without it
            traceback.print_exc()
            self._tell(Report(off=f"Internal error: {error!r}; the job's error file has the details."))

    def _go_on(self, copier: Copier, root: str) -> None:
        delay, failed = 0.0, 0.0
        while not self._closing.wait(delay):
            try:
                delay, failed = self._turn(copier, root), 0.0
                self._tell(copier.report(time.monotonic()))
            except (ChirpError, OSError) as error:  # noqa: PERF203 - every turn stands alone
                self._hang_up()
                delay = failed = min(_LONGEST_DELAY, failed * 2 or _FIRST_DELAY)
                problem = f"The notebooks can't be saved on the access point: {error}; trying again."
                self._tell(copier.report(time.monotonic(), problem))
        try:
            self._end(copier, root)
            problem = ""
        except (ChirpError, OSError) as error:
            problem = f"The notebooks could not be compared with those on the access point: {error}."
        self._hang_up()
        self._tell(copier.report(time.monotonic(), problem))

    def _turn(self, copier: Copier, root: str) -> float:
        """Save what has changed, large files for one interval at most; return the seconds until the next turn."""
        spent = time.thread_time()
        todo = copier.look(time.monotonic())
        pause = min(_LONGEST_INTERVAL, max(self._interval, (time.thread_time() - spent) / _SHARE_OF_A_CORE))
        if todo:
            self._closing.wait(self._settle)
            todo = copier.still(todo, time.monotonic())
        if todo or copier.has_gone or self._large or not self._was_connected:
            there = self._connect(copier, root)
            self._send_small(copier, there, todo)
            copier.tidy(there)
            self._send_large(copier, there, todo, time.monotonic() + self._interval)
        copier.settle(time.monotonic())
        if self._large:
            return 0.0
        self._hang_up()
        return pause

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

    def _end(self, copier: Copier, root: str) -> None:
        self._drop_large()
        there = self._connect(copier, root)
        copier.protect(there)
        for path in copier.still(copier.look(time.monotonic()), time.monotonic()):
            sending = copier.send(there, path, time.monotonic())
            while time.monotonic() < self._deadline and next(sending, _DONE) is not _DONE:
                pass
            sending.close()
        copier.clean(there)
        copier.settle(time.monotonic())

    def _connect(self, copier: Copier, root: str) -> AccessPoint:
        if self._files is None or self._there is None:
            self._files = ChirpClient.connect()
            self._there = AccessPoint(self._files, root)
            try:
                copier.clean(self._there)
            except AnswerError as error:
                if error.is_invalid_request:
                    raise _OffError(NO_FILES) from error
                raise
            self._was_connected = True
        if self._deadline:
            self._files.limit_time(self._deadline - time.monotonic())
        self._there.forget()
        return self._there

    def _drop_large(self) -> None:
        if self._large:
            with suppress(ChirpError):
                self._large[1].close()
            self._large = None

    def _hang_up(self) -> None:
        if self._files:
            self._files.close()
        self._files = self._there = None
        self._drop_large()

    def _tell(self, report: Report) -> None:
        if report.problem and not self._report.problem:
            self._say(report.problem)
        self._report, self._reported = report, time.monotonic()


def destination(settings: Settings, job: Job | None, folder: Path, environ: Mapping[str, str]) -> tuple[str, int, int]:
    """Return where HTCondor will bring the folder back, relative to the job's folder on the access point.

    With it: when the job was started, on the access point's clock, and on this machine's (in nanoseconds): the starter
    writes the job ad right before the files arrive. _OffError when there is no such place, or no way to it.
    """
    if job is None:
        raise _OffError("This is no HTCondor job.")
    if not settings.save_max_total:
        raise _OffError("--save-max-total is 0.")
    if not chirp.is_configured(environ):
        raise _OffError(NO_FILES)
    ad = job.attributes
    try:
        inside = folder.relative_to(Path(environ["_CONDOR_SCRATCH_DIR"]).resolve())
    except (KeyError, ValueError):
        raise _OffError("The notebook folder is not in the job's scratch folder, so it does not come back.") from None
    try:
        received_from = os.stat(environ["_CONDOR_JOB_AD"]).st_ctime_ns
        started = int(str(ad["jobcurrentstartdate"]))
    except (KeyError, ValueError, OSError):
        raise _OffError("The job ad does not say when the job was started.") from None
    listed = [os.path.normpath(part.strip()) for part in str(ad.get("transferoutput", "")).split(",") if part.strip()]
    if str(inside) not in listed:
        raise _OffError(f"{inside} is not in transfer_output_files, so it does not come back.")
    if ad.get("transferoutputremaps") or ad.get("outputdestination"):
        raise _OffError("The submit file sends the output to another place (remaps or output_destination).")
    return str(inside) if ad.get("preserverelativepaths") else inside.name, started, received_from
