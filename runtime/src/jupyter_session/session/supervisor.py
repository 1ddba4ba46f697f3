"""The job itself: one small state machine and one clock around JupyterLab, from its start to its orderly end."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import replace

from jupyter_session import __version__, output
from jupyter_session.activity.gpu import Gpu
from jupyter_session.activity.monitor import ActivityMonitor
from jupyter_session.activity.process_groups import Group, Processes, compute_window
from jupyter_session.condor.attributes import End, Ending, State
from jupyter_session.condor.connection import Connection
from jupyter_session.condor.job_ad import Job
from jupyter_session.condor.publisher import JobAdPublisher
from jupyter_session.control.protocol import Message
from jupyter_session.control.server import ControlServer
from jupyter_session.core.clock import SessionClock
from jupyter_session.core.event_loop import Loop
from jupyter_session.errors import SessionError
from jupyter_session.idle.culler import Action, Policy
from jupyter_session.idle.deadlines import Deadlines
from jupyter_session.idle.extension import Extension
from jupyter_session.idle.idle_time import read_earlier_idle_time
from jupyter_session.idle.machine_limits import find_limits
from jupyter_session.idle.monitor import IdleMonitor
from jupyter_session.jupyter import kernelspecs, module_bundle
from jupyter_session.jupyter.cores import set_cores
from jupyter_session.jupyter.lab import Lab
from jupyter_session.jupyter.process import Server, ServerShutDown
from jupyter_session.memory.guard import MemoryGuard
from jupyter_session.memory.meter import find_meter
from jupyter_session.packages.environments import Environments, is_brought_back
from jupyter_session.packages.keeper import Keeper
from jupyter_session.saveback import Saver
from jupyter_session.saveback.destination import FORBIDDEN
from jupyter_session.session.ending import Shutdown
from jupyter_session.session.lab_queries import LabQueries
from jupyter_session.session.lab_settings import keep_settings
from jupyter_session.session.news_there import NewsThere
from jupyter_session.session.receipt_writer import ReceiptWriter
from jupyter_session.session.shared_account import find_account_warnings, list_owners, name_account
from jupyter_session.session.slot import describe_slot
from jupyter_session.session.status import SessionStatus, round_seconds, to_epoch
from jupyter_session.session.status_reporter import Commands, JobAd, JobOutput, Notifier, StatusReporter
from jupyter_session.session.submit_file import NOTHING_SAVED, find_warnings
from jupyter_session.session.warn_once import WarnOnce
from jupyter_session.settings import Settings
from jupyter_session.ssh import sshd
from jupyter_session.state_dir import StateDir
from jupyter_session.tmux.server import Tmux
from jupyter_session.transfer import SetAside

_LOG = logging.getLogger(__name__)
_RESTART = "JupyterLab died ({}) and is being restarted."
_RESTARTED = "JupyterLab was restarted after it died ({}); kernels start anew, and its address has a new token."
_SAMPLE_INTERVAL = 10.0
_JITTER = 2  # seconds by which two clocks may differ
_LONGEST_STEP = 3  # intervals: a longer gap means that the job stood still


class _End(Exception):  # noqa: N818 - no error: how an intended end leaves the loop
    """The session is to end as intended."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending


class Supervisor:
    """Runs one session: `run()` returns the job's exit status.

    `connection` is how to reach the session, but for what is known only once its server runs.
    """

    def __init__(
        self, settings: Settings, job: Job | None, state: StateDir, connection: Connection, publisher: JobAdPublisher
    ) -> None:
        job_ad = job.attributes if job else {}
        self._settings = settings
        self._job = job
        self._state_dir = state
        self._connection = connection
        self._publisher = publisher
        self._notebooks = settings.notebooks
        self._interval = min(_SAMPLE_INTERVAL, max(0.5, (settings.idle_timeout or 3600) / 20))
        self._next_look = 0.0  # on the monotonic clock
        self._ending = False
        self._gpu: Gpu | None = None
        self._clock = SessionClock(longest_step=_LONGEST_STEP * self._interval)
        self._loop = Loop()
        self._lab = Lab(state, self._notebooks, has_recorder=settings.recorder)
        self._tmux = Tmux(state.tmux_socket)
        self._queries = LabQueries(self._lab, self._interval / 2)
        limits = find_limits(job, obey_machine=settings.machine_limits, now=time.time()) if job else []
        self._deadlines = Deadlines(settings.max_runtime, settings.idle_warning, job_ad, limits)
        self._policy = Policy.of(settings.idle_timeout, settings.idle_warning)
        self._extension = Extension(self._deadlines, settings.max_extend)
        self._processes = Processes(state, compute_window(settings.idle_timeout))
        verbs = {
            "stop": self._stop,
            "extend": self._extend,
            "reset-packages": self._reset_packages,
            "fetch": self._fetch,
        }
        self._control = ControlServer(state.control, self._loop, status=self._describe, verbs=verbs)
        job_output = JobOutput()
        self._reporter = StatusReporter(
            SessionStatus(
                idle_seconds=read_earlier_idle_time(job_ad), idle_timeout=round_seconds(settings.idle_timeout)
            ),
            [
                JobAd(publisher, job.start if job else None),
                job_output,
                Commands(self._control),
                Notifier(self._tmux, self._lab),
            ],
        )
        self._server = Server(
            self._lab,
            self._tmux,
            self._loop,
            ports=settings.port_range,
            log=state.log,
            folder=self._notebooks,
            turn=self._turn,
            say=job_output.write,
        )
        meter = find_meter(job)
        self._memory = MemoryGuard(
            meter,
            settings.memory_guard,
            look=self._look_at_processes,
            sessions=self._queries.sessions,
            warn=self._reporter.warn,
        )
        self._set_aside = SetAside(job, self._notebooks, state.received, say=job_output.write_problem)
        self._saver = Saver(
            settings,
            job,
            self._notebooks,
            say=job_output.write_problem,
            list_links=self._set_aside.list_links,
            journal=state.journal,
        )
        travels = is_brought_back(self._notebooks, os.environ.get("_CONDOR_SCRATCH_DIR")) if job else False
        environments = Environments(self._notebooks) if travels else None
        self._packages = Keeper(state, self._notebooks, environments=environments)
        self._news_there = NewsThere()
        self._refused_files, self._no_saving = WarnOnce(self._reporter.warn), WarnOnce(self._reporter.warn)
        receipts = ReceiptWriter(
            self._notebooks,
            job.id if job else None,
            meter=meter,
            processes=self._processes,
            look=self._look_at_processes,
            sessions=self._queries.sessions,
            say=job_output.write,
        )
        self._shutdown = Shutdown(
            job,
            state,
            server=self._server,
            tmux=self._tmux,
            packages=self._packages,
            saver=self._saver,
            set_aside=self._set_aside,
            receipts=receipts,
            reporter=self._reporter,
            publisher=publisher,
        )

    def run(self) -> int:
        """Run the session to its end; return 0 if it ended as intended."""
        _LOG.info("jupyter-session %s, job %s: %s", __version__, self._connection.job, self._settings)
        self._loop.watch_signals()
        self._control.listen()
        try:
            self._reporter.enter(State.STARTING, "JupyterLab is starting.")
            self._set_aside.put_back()
            not_shown = self._set_aside.show_inputs()
            self._saver.start()
            set_cores(os.environ, self._job.machine.get("cpus") if self._job else None)
            keep_settings(os.environ, self._notebooks)
            self._lab.set_environment(os.environ)
            self._packages.start(self._lab.environment)
            self._server.start(meanwhile=self._prepare)
            self._enter_ready("JupyterLab is ready.")
            self._tmux.open_shell(self._notebooks)
            self._reporter.warn(*not_shown)
            self._reporter.warn(*find_warnings(self._job, self._notebooks, os.environ.get("_CONDOR_SCRATCH_DIR")))
            self._reporter.warn(*find_account_warnings(self._job, name_account(), list_owners()))
            self._watch()
        except _End as end:
            return self._end(end.ending)
        except ServerShutDown:
            return self._end(Ending(End.USER, "JupyterLab was shut down by its user."))
        except SessionError as error:
            return self._end(Ending(End.FAILED, str(error)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the user gets a reason and the notebooks
            output.write_traceback()
            reason = f"Internal error: {error!r}; the job's error file has the details."
            return self._end(Ending(End.FAILED, reason))
        raise AssertionError("unreachable")

    def _prepare(self) -> None:
        """Prepare what is needed once the server is ready, while it starts."""
        import http.client  # noqa: F401, PLC0415 - for the first request to it

        sshd.prepare(self._state_dir, os.environ)
        kernelspecs.offer_environments(self._notebooks, self._state_dir.data)

    def _watch(self) -> None:
        """Look after the server and its use until the session ends (by _End or SessionError)."""
        from jupyter_session.activity.sources import find_gpu, make_sources  # noqa: PLC0415 - the start need not wait

        module_bundle.end()
        self._gpu = find_gpu()
        queries = self._queries
        sources = make_sources(
            queries.get,
            queries.tell_use,
            self._settings,
            self._processes,
            gpu=self._gpu,
            refused=self._count_refused,
        )
        monitor = IdleMonitor(
            ActivityMonitor(sources),
            self._policy,
            self._deadlines,
            self._extension,
            opened=self._clock.now(),
            already=self._reporter.status.idle_seconds,
        )
        while True:
            self._turn(min(self._next_look, self._memory.due) - time.monotonic())
            self._memory.turn()
            if not self._server.is_alive:
                ended = self._server.restart(lambda ended: self._reporter.enter(State.STARTING, _RESTART.format(ended)))
                self._enter_ready(_RESTARTED.format(ended))
            elif time.monotonic() >= self._next_look:
                self._look(monitor)
                self._next_look = time.monotonic() + self._interval

    def _look(self, monitor: IdleMonitor) -> None:
        """Look once at what works in the session, and do what follows from it."""
        now = self._clock.now()
        finding = monitor.look(now)
        verdict = finding.verdict
        before = self._reporter.status
        self._reporter.update(self._reporter.status.after_look(finding, self._extension.until, now))
        if abs((self._reporter.status.keep_alive_until or 0) - (before.keep_alive_until or 0)) > _JITTER:
            self._publisher.publish({"JupyterKeptUntil": self._reporter.status.keep_alive_until})
        if verdict.sentence != before.verdict:
            _LOG.debug("%s: %s", verdict.action.value, verdict.sentence)
        report = self._saver.report
        ending = f"{report.problem} If the session ends before, HTCondor can't bring it back either."
        self._refused_files.update(ending if report.refused_count else "")
        self._reporter.warn(*self._news_there.update(report))
        self._no_saving.update(f"{report.off} {NOTHING_SAVED}" if report.off == FORBIDDEN else "")
        self._packages.is_quiet = not any(sample.active for sample in finding.samples)
        self._reporter.warn(*self._packages.take_news())
        try:
            kernelspecs.offer_environments(self._notebooks, self._state_dir.data)
        except OSError as error:
            _LOG.debug("the environments in the notebook folder can't be offered: %s", error)
        if verdict.end:
            raise _End(Ending(verdict.end, verdict.sentence))
        state = self._reporter.status.state
        if verdict.action is Action.WARN and state is State.READY:
            self._reporter.enter(State.EXPIRING, verdict.sentence)
        elif verdict.action is Action.KEEP and state is State.EXPIRING:
            self._reporter.enter(State.READY, verdict.sentence)

    def _turn(self, timeout: float) -> None:
        """Wait for something to happen, at most `timeout` seconds, and handle it. Raises _End when it is time to."""
        self._loop.turn(timeout)
        if self._loop.ending and not self._ending:
            raise _End(self._loop.ending)

    def _look_at_processes(self) -> Sequence[Group]:
        self._processes.refresh(self._clock.now())
        return self._processes.groups

    def _count_refused(self) -> int:
        return self._saver.report.refused_count

    def _enter_ready(self, reason: str) -> None:
        host_key = sshd.read_host_key(self._state_dir)
        connection = replace(self._connection, port=self._lab.port, token=self._lab.token, host_key=host_key)
        now = self._clock.now()
        deadline = self._deadlines.next(now)
        at = None if deadline is None else to_epoch(deadline.at, now)
        self._reporter.enter(State.READY, reason, connection=connection, deadline=at)

    def _describe(self) -> Message:
        return self._reporter.status.as_message(
            self._clock.now(),
            saving=self._saver.report.as_dict(),
            slot=describe_slot(self._job, self._memory),
            packages=self._packages.as_dict(),
            problem=self._publisher.problem,
        )

    def _end(self, ending: Ending) -> int:
        self._ending = True
        return self._shutdown.run(ending, began=self._loop.stop_wanted_at, gpu=self._gpu)

    def _stop(self, _request: Message) -> Message:
        self._loop.want_stop(Ending(End.USER, "The session was stopped by its user."))
        return {}

    def _reset_packages(self, _request: Message) -> Message:
        self._packages.reset()
        return {}

    def _fetch(self, request: Message) -> Message:
        paths = request.get("paths", [])
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            return {"error": "fetch needs a list of paths."}
        if self._saver.report.off:
            return {"error": self._saver.report.off}
        return {"fetch": self._saver.fetch([str(path) for path in paths])}

    def _extend(self, request: Message) -> Message:
        wanted = request.get("seconds")
        if not isinstance(wanted, (int, float)) or not 0 <= wanted < float("inf"):
            return {"error": "extend needs a number of seconds."}
        self._next_look = 0.0
        return {"extended": self._extension.extend(wanted, self._clock.now())}
