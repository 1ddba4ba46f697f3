"""The job itself: one small state machine and one clock around JupyterLab, from its start to its orderly end."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from jupyter_session.activity import ActivityMonitor
from jupyter_session.activity.gpu import Gpu, assigned
from jupyter_session.activity.process_groups import Group, Processes, averaging_window
from jupyter_session.condor import contract
from jupyter_session.condor.contract import Connection, End, Ending, State
from jupyter_session.condor.job_ad import Job
from jupyter_session.condor.publisher import JobAdPublisher
from jupyter_session.control.protocol import Message
from jupyter_session.control.server import ControlServer
from jupyter_session.core.clock import SessionClock
from jupyter_session.core.event_loop import Loop
from jupyter_session.core.shutdown import ShutdownDeadline, Step
from jupyter_session.errors import SessionError
from jupyter_session.idle import culler, idle_time
from jupyter_session.idle.deadlines import Deadlines
from jupyter_session.idle.idle_time import IdleTime
from jupyter_session.jupyter import kernelspecs
from jupyter_session.jupyter.lab import Lab, LabError
from jupyter_session.jupyter.process import Server, ServerShutDown
from jupyter_session.memory.guard import MemoryGuard
from jupyter_session.memory.meter import find_meter
from jupyter_session.saveback import Saver
from jupyter_session.session.receipt import Receipt, changed_files, running
from jupyter_session.session.status_reporter import StatusReporter
from jupyter_session.settings import Settings
from jupyter_session.ssh import sshd
from jupyter_session.state_dir import StateDir
from jupyter_session.tmux.server import Tmux
from jupyter_session.units.durations import format_duration, format_time

_SAMPLE_INTERVAL = 10.0
_QUICK = 1.0  # seconds for a request whose answer is of little weight
_PATIENCE = 3.0  # and for one whose answer counts: no signal is heeded meanwhile
_LONGEST_STEP = 3  # intervals: a longer gap means that the job stood still


class _End(Exception):  # noqa: N818 - no error: how an intended end leaves the loop
    """The session is to end as intended."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending


class Supervisor:
    """Runs one session: `run()` returns the job's exit status."""

    def __init__(
        self,
        settings: Settings,
        job: Job | None,
        state: StateDir,
        connection: Callable[[int, str], Connection],
        publisher: JobAdPublisher,
    ) -> None:
        self._settings = settings
        self._job = job
        self._started, self._began = time.time(), time.monotonic()
        self._state_dir = state
        self._make_connection = connection
        self._publisher = publisher
        notebooks = settings.notebooks.resolve()
        self._notebooks = notebooks
        self._lab = Lab(state, notebooks)
        self._tmux = Tmux()
        self._loop = Loop()
        self._ending = False
        self._policy = culler.Policy.of(settings.idle_timeout, settings.idle_warning)
        self._interval = min(_SAMPLE_INTERVAL, max(0.5, (settings.idle_timeout or 3600) / 20))
        self._clock = SessionClock(longest_step=_LONGEST_STEP * self._interval)
        self._announcer = StatusReporter(publisher, self._clock.now)
        self._announcer.idle_seconds = idle_time.read_earlier_idle_time(job.attributes if job else {})
        self._server = Server(
            self._lab,
            self._tmux,
            self._loop,
            ports=settings.port_range,
            log=state.log,
            folder=notebooks,
            turn=self._turn,
            say=self._announcer.say,
        )
        self._deadlines = Deadlines(settings.max_runtime, settings.idle_warning, job.attributes if job else {})
        self._processes = Processes(state, averaging_window(settings.idle_timeout))
        self._gpu: Gpu | None = None
        self._keep_alive_until: float | None = None
        self._was_refused = False
        self._next_look = self._deaf_until = 0.0  # on the monotonic clock
        self._announcer.notify = self._notify
        self._memory = MemoryGuard(
            find_meter(job),
            settings.memory_guard,
            look=self._look_at_processes,
            sessions=lambda: self._lab.request("GET", "/api/sessions?no_track_activity=1", timeout=_QUICK),
            warn=self._announcer.warn,
        )
        self._saver = Saver(settings, job, notebooks, say=lambda line: self._announcer.say(line, to_stderr=True))
        self._announcer.saving = lambda: self._saver.report.as_dict()  # noqa: PLW0108 - the report of then

    # The life of a session

    def run(self) -> int:
        """Run the session to its end; 0 when it ended as intended."""
        self._loop.watch_signals()
        commands = ControlServer(
            self._state_dir.control,
            self._loop,
            status=self._announcer.status,
            verbs={"stop": self._stop, "extend": self._extend},
        )
        commands.listen()
        self._announcer.tell = commands.send_status
        try:
            self._announcer.enter(State.STARTING, "JupyterLab is starting.")
            self._saver.start()
            kernelspecs.offer(self._notebooks, self._state_dir.data)
            self._lab.set_environment(os.environ)
            sshd.prepare(self._state_dir, os.environ)
            self._server.start()
            self._announce_ready("JupyterLab is ready.")
            self._watch()
        except _End as end:
            return self._finish(end.ending)
        except ServerShutDown:
            return self._finish(Ending(End.USER, "JupyterLab was shut down by its user."))
        except SessionError as error:
            return self._finish(Ending(End.FAILED, str(error)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the user gets a reason and the notebooks
            traceback.print_exc()
            reason = f"Internal error: {error!r}; the job's error file has the details."
            return self._finish(Ending(End.FAILED, reason))
        raise AssertionError("unreachable")

    def _watch(self) -> None:
        """Look after the server and its use until the session ends (by _End or SessionError)."""
        from jupyter_session.activity.sources import all_sources, find_gpu  # noqa: PLC0415 - the start need not wait

        opened = self._clock.now()
        idle = IdleTime(opened, already=self._announcer.idle_seconds)
        self._gpu = find_gpu()
        lookout = ActivityMonitor(all_sources(self._get, self._settings, self._processes, self._gpu, self._refused))
        while True:
            self._turn(min(self._next_look, self._memory.due) - time.monotonic())
            self._memory.turn()
            if not self._server.is_alive:
                ended = self._server.revive(self._announce_death)
                self._announce_ready(f"JupyterLab was restarted after it died ({ended}); kernels start anew.")
            elif time.monotonic() >= self._next_look:
                now = self._clock.now()
                self._announcer.samples = lookout.look(now)
                verdict = culler.decide(
                    self._announcer.samples,
                    self._policy,
                    started=opened,
                    now=now,
                    keep_alive_until=self._keep_alive_until,
                    deadline=self._deadlines.next(now),
                )
                self._announcer.idle_seconds = idle.look(self._announcer.samples, now)
                self._warn_of_refused()
                self._follow(verdict, now)
                with suppress(OSError):
                    kernelspecs.offer(self._notebooks, self._state_dir.data)
                self._next_look = time.monotonic() + self._interval

    def _follow(self, verdict: culler.Verdict, now: float) -> None:
        """Do what the verdict says."""
        self._announcer.verdict = verdict.sentence
        self._announcer.stop_at = None if verdict.stop_at is None else _epoch(verdict.stop_at - now)
        if verdict.end:
            raise _End(Ending(verdict.end, verdict.sentence))
        if verdict.action is culler.Action.WARN and self._announcer.state is State.READY:
            self._announcer.enter(State.EXPIRING, verdict.sentence)
            self._notify(verdict.sentence, self._announcer.stop_at)
        elif verdict.action is culler.Action.KEEP and self._announcer.state is State.EXPIRING:
            self._announcer.enter(State.READY, verdict.sentence)

    def _finish(self, ending: Ending) -> int:
        """Stop the server in order, tell everyone, and return the exit status."""
        self._ending = True
        end, reason = ending.how, ending.reason
        final, status = (State.FAILED, 1) if end is End.FAILED else (State.STOPPED, 0)
        deadline = ShutdownDeadline.of(self._job, began=self._loop.stop_wanted_at)
        deadline.arm(status)
        self._announcer.say(reason, to_stderr=final is State.FAILED)
        self._announcer.enter(State.STOPPING, reason, quietly=True, end=end)
        receipt = self._write_receipt(self._receipt(final, ending))  # should there be no time for it later
        self._server.stop(deadline)
        tmux = threading.Thread(target=self._end_tmux, daemon=True)  # may hang, as all that runs may
        tmux.start()
        tmux.join(deadline.left(Step.END_TMUX))
        self._saver.finish(deadline.left(Step.SAVE))
        receipt = self._write_receipt(receipt)
        self._announcer.receipt = receipt.sentence()
        self._announcer.say(receipt.sentence())
        self._announcer.enter(final, reason, quietly=True, end=end)
        self._publisher.close(deadline.left(Step.PUBLISH))
        self._state_dir.clear(keep_log=final is State.FAILED)
        return status

    def _end_tmux(self) -> None:
        with suppress(Exception):
            self._tmux.kill()

    def _receipt(self, final: State, ending: Ending) -> Receipt:
        """Take down what runs, before it is stopped, and what the session has used."""
        sessions: Sequence[Any] = ()
        groups: Sequence[Group] = ()
        with suppress(Exception):  # a session ends with a poorer receipt rather than not in order
            groups = self._look_at_processes()
            sessions = self._lab.request("GET", "/api/sessions?no_track_activity=1", timeout=_QUICK)
        meter = self._memory.meter
        return Receipt(
            state=final.value,
            end=ending.how.value,
            reason=contract.one_line(ending.reason),
            job=self._job.id if self._job else None,
            started=self._started,
            seconds=0.0,
            idle_seconds=self._announcer.idle_seconds,
            running=running(sessions, groups),
            memory_peak=meter.peak if meter else None,
            memory_limit=meter.limit if meter else None,
            cpu_seconds=self._processes.cpu_seconds,
            gpus=len(assigned(os.environ)),
            gpu_busy_seconds=self._gpu.busy_seconds if self._gpu else None,
            warnings=tuple(self._announcer.warnings),
        )

    def _write_receipt(self, receipt: Receipt) -> Receipt:
        """Write it as it is now, and return it."""
        receipt = replace(
            receipt,
            seconds=time.monotonic() - self._began,
            changed=changed_files(self._notebooks, self._started, _QUICK),
            saved=self._saver.report.as_dict(),
        )
        try:
            receipt.write(self._notebooks)
        except OSError as error:
            self._announcer.say(f"The receipt of this session could not be written: {error.strerror}.")
        return receipt

    # What its user asks for

    def _turn(self, timeout: float) -> None:
        """Wait for something to happen, at most `timeout` seconds, and handle it. Raises _End when it is time to."""
        self._loop.turn(timeout)
        if self._loop.ending and not self._ending:
            raise _End(self._loop.ending)

    def _stop(self, _request: Message) -> Message:
        self._loop.want_stop(Ending(End.USER, "The session was stopped by its user."))
        return {}

    def _extend(self, request: Message) -> Message:
        """Keep the session alive for `request["seconds"]`, or for as long as it may be."""
        wanted = request.get("seconds")
        if not isinstance(wanted, (int, float)) or not 0 <= wanted < float("inf"):
            return {"error": "extend needs a number of seconds."}
        now, granted = self._clock.now(), min(wanted, self._settings.max_extend)
        self._keep_alive_until = now + granted
        self._next_look = 0.0
        deadline = self._deadlines.next(now)
        if not granted:
            sentence = "The session is no longer kept alive by extend."
        elif deadline is not None and deadline.at < self._keep_alive_until:
            left = deadline.at - now
            sentence = f"The session ends at {_clock(left)} at the latest (in {format_duration(left)}): {deadline.why}."
        else:
            length = format_duration(granted) + (", the most that --max-extend allows" if granted < wanted else "")
            sentence = f"The session will stay up until {_clock(granted)} at the earliest ({length})."
        return {"extended": sentence}

    # What its parts need of one another

    def _notify(self, sentence: str, stop_at: int | None) -> None:
        """Show a sentence to who is there: in tmux, and in the browser."""
        with suppress(Exception):
            self._tmux.show(sentence)
        with suppress(LabError):
            self._lab.request("POST", "/jupyter-session/notice", {"text": sentence, "stop_at": stop_at}, timeout=_QUICK)

    def _look_at_processes(self) -> Sequence[Group]:
        self._processes.refresh(self._clock.now())
        return self._processes.groups

    def _get(self, path: str) -> Any:
        """Ask the server for what a source wants to know; of one that hangs, once in a turn."""
        asked = time.monotonic()
        if asked < self._deaf_until:
            raise LabError("JupyterLab does not answer")
        try:
            return self._lab.request("GET", path, timeout=_PATIENCE)
        except LabError:
            if time.monotonic() - asked >= _PATIENCE:
                self._deaf_until = time.monotonic() + self._interval / 2
            raise

    def _refused(self) -> int:
        return self._saver.report.refused_count

    def _warn_of_refused(self) -> None:
        """Warn once for as long as files are refused."""
        report = self._saver.report
        if report.refused_count and not self._was_refused:
            self._announcer.warn(f"{report.problem} If the session ends before, HTCondor can't bring it back either.")
        self._was_refused = bool(report.refused_count)

    def _announce_death(self, ended: str) -> None:
        self._announcer.enter(State.STARTING, f"JupyterLab died ({ended}) and is being restarted.")

    def _announce_ready(self, reason: str) -> None:
        connection = self._make_connection(self._lab.port, self._lab.token)
        self._announcer.connection = connection
        now = self._clock.now()
        deadline = self._deadlines.next(now)
        self._announcer.deadline = None if deadline is None else _epoch(deadline.at - now)
        self._announcer.enter(State.READY, reason)
        if connection.job is None and sys.stdout.isatty():
            print(f"\n    {connection.secret_url}\n\nCtrl-C ends the session.\n", flush=True)


def _clock(seconds: float) -> str:
    """Return the time of day that is `seconds` away."""
    return format_time(time.time() + seconds)


def _epoch(seconds: float) -> int:
    """Return the time that is so many seconds away, as people's clocks will show it."""
    return round(time.time() + seconds)
