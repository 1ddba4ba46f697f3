"""The orderly end of a session: within the time that HTCondor grants, whatever hangs."""

from __future__ import annotations

import logging
import os
import threading

from jupyter_session.activity.gpu import Gpu
from jupyter_session.condor.attributes import End, Ending, State, fit_line
from jupyter_session.condor.job_ad import Job
from jupyter_session.condor.publisher import JobAdPublisher
from jupyter_session.core.shutdown import ShutdownDeadline, Step
from jupyter_session.jupyter.process import Server
from jupyter_session.packages.keeper import Keeper
from jupyter_session.saveback import Saver
from jupyter_session.session.logins import LOGIN_LEFT, end_logins
from jupyter_session.session.receipt import Receipt
from jupyter_session.session.receipt_writer import ReceiptWriter
from jupyter_session.session.status_reporter import StatusReporter
from jupyter_session.state_dir import StateDir
from jupyter_session.tmux.server import Tmux
from jupyter_session.transfer import SetAside

_LOG = logging.getLogger(__name__)


class Shutdown:
    """Ends the parts of a session in order; see `Step` for the schedule."""

    def __init__(
        self,
        job: Job | None,
        state_dir: StateDir,
        *,
        server: Server,
        tmux: Tmux,
        packages: Keeper,
        saver: Saver,
        set_aside: SetAside,
        receipts: ReceiptWriter,
        reporter: StatusReporter,
        publisher: JobAdPublisher,
    ) -> None:
        self._job = job
        self._state_dir = state_dir
        self._server = server
        self._tmux = tmux
        self._packages = packages
        self._saver = saver
        self._set_aside = set_aside
        self._receipts = receipts
        self._reporter = reporter
        self._publisher = publisher

    def run(self, ending: Ending, *, began: float | None, gpu: Gpu | None) -> int:
        """End the session and report it; return the job's exit status.

        `began` is when the end was wanted, on the monotonic clock; `gpu` knows how busy the GPUs were.
        """
        final, exit_status = (State.FAILED, 1) if ending.how is End.FAILED else (State.STOPPED, 0)
        deadline = ShutdownDeadline.of(self._job, began=began)
        deadline.arm(exit_status)
        self._packages.close()
        self._reporter.enter(State.STOPPING, ending.reason, end=ending.how)
        receipt = self._receipts.collect(final, ending, self._reporter.status, gpu)
        receipt = self._write(receipt)  # should there be no time for it later
        self._server.stop(deadline)
        tmux = threading.Thread(target=self._end_tmux, daemon=True)  # may hang, as all that runs may
        tmux.start()
        tmux.join(deadline.left(Step.END_TMUX))
        self._packages.finish(deadline.left(Step.KEEP_PACKAGES))
        self._reporter.warn(*self._packages.take_news())
        self._saver.finish(deadline.left(Step.SAVE))
        self._clear_way(deadline.left(Step.CLEAR_WAY))
        receipt = self._write(receipt)
        self._reporter.enter(final, ending.reason, receipt=receipt.render_sentence())
        if not self._end_logins(deadline.left(Step.END_LOGINS)):
            self._reporter.warn(LOGIN_LEFT)
            self._publisher.publish({"JupyterReason": fit_line(f"{ending.reason} {LOGIN_LEFT}")})
        self._publisher.close(deadline.left(Step.PUBLISH))
        self._clear_way(deadline.left(Step.PUBLISH))  # of what a program that still runs has made meanwhile
        if receipt.set_aside != self._set_aside.names:
            self._write(receipt)
        self._state_dir.clear(keep_log=final is State.FAILED)
        return exit_status

    def _write(self, receipt: Receipt) -> Receipt:
        return self._receipts.write(receipt, self._saver.report, self._set_aside.names)

    def _clear_way(self, seconds: float) -> None:
        try:
            self._set_aside.clear_way(seconds)
        except Exception:  # noqa: BLE001 - HTCondor may be able to carry all there is
            _LOG.debug("the way is not clear", exc_info=True)

    def _end_logins(self, seconds: float) -> bool:
        """Return False if a login is left."""
        try:
            return self._state_dir.has_sibling or end_logins(self._job, os.environ, seconds)
        except Exception:  # noqa: BLE001 - the session ends all the same
            _LOG.debug("the logins were not ended", exc_info=True)
            return True

    def _end_tmux(self) -> None:
        try:
            self._tmux.kill()
        except Exception:  # noqa: BLE001 - the job's end ends it too
            _LOG.debug("tmux was not ended", exc_info=True)
