"""The job itself: one small state machine and one clock around JupyterLab, from its start to its orderly end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from jupyter_session import contract, culler, kernelspecs
from jupyter_session.activity import Lookout
from jupyter_session.activity.gpu import assigned
from jupyter_session.activity.sources import all_sources, find_gpu, window
from jupyter_session.announcer import Announcer
from jupyter_session.budget import Budget
from jupyter_session.clock import SessionClock
from jupyter_session.contract import Connection, State
from jupyter_session.control import ControlServer, Message
from jupyter_session.deadlines import Deadlines
from jupyter_session.durations import format_duration
from jupyter_session.errors import SessionError
from jupyter_session.jobad import Job
from jupyter_session.lab import Lab, LabError, end_orphans
from jupyter_session.loop import Loop
from jupyter_session.memory import find_meter
from jupyter_session.memory_guard import MemoryGuard
from jupyter_session.ports import choose_port, default_port_range, is_free
from jupyter_session.processes import Group, Processes
from jupyter_session.publisher import Publisher
from jupyter_session.receipt import Receipt, changed_files, running
from jupyter_session.saveback import Saver
from jupyter_session.settings import Settings
from jupyter_session.statedir import StateDir
from jupyter_session.tmux import Tmux

_START_TIMEOUT = 180.0  # seconds; a cold shared file system can be very slow
_START_POLL = 0.03
_PORT_TRIES = 5
_RESTARTS, _RESTART_WINDOW = 3, 600.0
_SAMPLE_INTERVAL = 10.0
_QUICK = 1.0  # seconds for a request whose answer is of little weight
_LONGEST_STEP = 3  # intervals: a longer gap means that the job stood still
# Shares of the time for the end, until which each step may take; see Budget.
_ASKED, _SHUT_DOWN, _TERMINATED, _KILLED, _TMUX_ENDED, _SAVED, _TOLD = 0.2, 0.45, 0.53, 0.57, 0.6, 0.85, 1.0


class _End(Exception):  # noqa: N818 - no error: how an intended end leaves the loop
    """The session is to end as intended, for this reason."""


class Supervisor:
    """Runs one session: `run()` returns the job's exit status."""

    def __init__(
        self,
        settings: Settings,
        job: Job | None,
        state: StateDir,
        connection: Callable[[int, str], Connection],
        publisher: Publisher,
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
        self._lab_fd = -1
        self._restarts: list[float] = []
        self._policy = culler.Policy.of(settings.idle_timeout, settings.idle_warning)
        self._interval = min(_SAMPLE_INTERVAL, max(0.5, (settings.idle_timeout or 3600) / 20))
        self._clock = SessionClock(longest_step=_LONGEST_STEP * self._interval)
        self._announcer = Announcer(publisher, self._clock.now)
        self._deadlines = Deadlines(settings.max_runtime, settings.idle_warning, job.attributes if job else {})
        self._processes = Processes(state, window(settings.idle_timeout))
        self._gpu = find_gpu()
        self._held_until: float | None = None
        self._next_look = 0.0  # on the monotonic clock
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
        commands = ControlServer(self._state_dir.control, self._loop, self._announcer.status)
        commands.offer("stop", self._stop)
        commands.offer("extend", self._extend)
        self._announcer.tell = commands.tell
        try:
            self._announcer.enter(State.STARTING, "JupyterLab is starting.")
            self._saver.start()
            kernelspecs.offer(self._notebooks, self._state_dir.data)
            self._lab.set_environment(os.environ)
            self._start()
            self._watch()
        except _End as end:
            return self._finish(State.STOPPED, str(end))
        except SessionError as error:
            return self._finish(State.FAILED, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the user gets a reason and the notebooks
            traceback.print_exc()
            return self._finish(State.FAILED, f"Internal error: {error!r}; the job's error file has the details.")
        raise AssertionError("unreachable")

    def _start(self) -> None:
        """Start the server on a port of its own, and wait until it is ready."""
        ports = self._settings.port_range or default_port_range()
        taken: set[int] = set()
        for _ in range(_PORT_TRIES):
            port = choose_port(ports, taken)
            self._lab.prepare(port)
            if not taken:
                pid = self._tmux.start(self._lab.command(), self._state_dir.log, self._notebooks)
            else:
                pid = self._tmux.restart(self._lab.command(), self._state_dir.log, self._notebooks)
            if self._becomes_ready(pid):
                self._announce_ready("JupyterLab is ready.")
                return
            if is_free(port):
                raise SessionError(f"JupyterLab could not start ({self._how_it_ended()}): {self._lab.last_log_lines()}")
            self._announcer.say(f"Another program took port {port} first; trying another.")
            taken.add(port)
        raise SessionError(f"{_PORT_TRIES} ports in {ports} were taken by other programs while JupyterLab started.")

    def _watch(self) -> None:
        """Look after the server and its use until the session ends (by _End or SessionError)."""
        opened = self._clock.now()
        lookout = Lookout(all_sources(self._get, self._settings, self._processes, self._gpu))
        while True:
            self._turn(min(self._next_look, self._memory.due) - time.monotonic())
            self._memory.turn()
            if self._lab_fd < 0:
                self._revive()
            elif time.monotonic() >= self._next_look:
                now = self._clock.now()
                self._announcer.samples = lookout.look(now)
                verdict = culler.decide(
                    self._announcer.samples,
                    self._policy,
                    started=opened,
                    now=now,
                    held_until=self._held_until,
                    deadline=self._deadlines.next(now),
                )
                self._follow(verdict, now)
                with suppress(OSError):
                    kernelspecs.offer(self._notebooks, self._state_dir.data)
                self._next_look = time.monotonic() + self._interval

    def _follow(self, verdict: culler.Verdict, now: float) -> None:
        """Do what the verdict says."""
        self._announcer.verdict = verdict.sentence
        self._announcer.stop_at = None if verdict.stop_at is None else _epoch(verdict.stop_at - now)
        if verdict.action is culler.Action.STOP:
            raise _End(verdict.sentence)
        if verdict.action is culler.Action.WARN and self._announcer.state is State.READY:
            self._announcer.enter(State.IDLE, verdict.sentence)
            self._notify(verdict.sentence, self._announcer.stop_at)
        elif verdict.action is culler.Action.KEEP and self._announcer.state is State.IDLE:
            self._announcer.enter(State.READY, verdict.sentence)

    def _revive(self) -> None:
        """Restart a server that died, on the same port and token; SessionError when it has died too often."""
        while True:
            ended = self._how_it_ended()
            if ended == "exit code 0":
                raise _End("JupyterLab was shut down by its user.")
            now = time.monotonic()
            self._restarts = [at for at in self._restarts if now - at < _RESTART_WINDOW]
            if len(self._restarts) >= _RESTARTS:
                raise SessionError(
                    f"JupyterLab died {_RESTARTS + 1} times within {_RESTART_WINDOW / 60:.0f} minutes, the last time "
                    f"{ended}: {self._lab.last_log_lines()}"
                )
            self._restarts.append(now)
            self._announcer.enter(State.STARTING, f"JupyterLab died ({ended}) and is being restarted.")
            if not is_free(self._lab.port):
                self._lab.prepare(choose_port(self._settings.port_range or default_port_range(), {self._lab.port}))
            if self._becomes_ready(self._tmux.restart(self._lab.command(), self._state_dir.log, self._notebooks)):
                self._announce_ready(f"JupyterLab was restarted after it died ({ended}); kernels start anew.")
                return

    def _finish(self, final: State, reason: str) -> int:
        """Stop the server in order, tell everyone, and return the exit status."""
        self._ending = True
        status = 0 if final is State.STOPPED else 1
        budget = Budget.of(self._job, status)
        self._announcer.say(reason, to_stderr=final is State.FAILED)
        self._announcer.enter(State.STOPPING, reason, quietly=True)
        receipt = self._write_receipt(self._receipt(final, reason))  # should there be no time for it later
        self._stop_server(budget)
        tmux = threading.Thread(target=self._end_tmux, daemon=True)  # may hang, as all that runs may
        tmux.start()
        tmux.join(budget.left(until=_TMUX_ENDED))
        self._saver.finish(budget.left(until=_SAVED))
        receipt = self._write_receipt(receipt)
        self._announcer.receipt = receipt.sentence()
        self._announcer.say(receipt.sentence())
        self._announcer.enter(final, reason, quietly=True)
        self._publisher.close(budget.left(until=_TOLD))
        self._state_dir.clear(keep_log=final is State.FAILED)
        return status

    def _end_tmux(self) -> None:
        with suppress(Exception):
            self._tmux.kill()

    def _receipt(self, final: State, reason: str) -> Receipt:
        """Take down what runs, before it is stopped, and what the session has used."""
        sessions: Sequence[Any] = ()
        groups: Sequence[Group] = ()
        with suppress(Exception):  # a session ends with a poorer receipt rather than not in order
            groups = self._look_at_processes()
            sessions = self._lab.request("GET", "/api/sessions?no_track_activity=1", timeout=_QUICK)
        meter = self._memory.meter
        return Receipt(
            state=final.value,
            reason=contract.one_line(reason),
            job=self._job.id if self._job else None,
            started=self._started,
            seconds=0.0,
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
        if self._loop.stop_wanted and not self._ending:
            raise _End(self._loop.stop_wanted)

    def _stop(self, _request: Message) -> Message:
        self._loop.want_stop("The session was stopped by its user.")
        return {}

    def _extend(self, request: Message) -> Message:
        """Hold the session for `request["seconds"]`, or for as long as it may be held."""
        wanted = request.get("seconds")
        if not isinstance(wanted, (int, float)) or not 0 <= wanted < float("inf"):
            return {"error": "extend needs a number of seconds."}
        now, granted = self._clock.now(), min(wanted, self._settings.max_extend)
        self._held_until = now + granted
        self._next_look = 0.0
        sentence = f"The session is held for {format_duration(granted)}" if granted else "The session is held no longer"
        if granted < wanted:
            sentence += ", the most that --max-extend allows"
        deadline = self._deadlines.next(now)
        if deadline is not None and deadline.at < self._held_until:
            sentence += f", but it ends in {format_duration(deadline.at - now)}: {deadline.why}"
        return {"extended": f"{sentence}."}

    # The server

    def _becomes_ready(self, pid: int) -> bool:
        """Wait until process `pid` serves our port; False if it ends before. SessionError after _START_TIMEOUT."""
        try:
            self._lab_fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        self._loop.watch(self._lab_fd, lambda: self._lab_ended(pid))
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            self._turn(_START_POLL)
            if self._lab_fd < 0:
                return False
            if self._lab.has_bound(pid) and self._lab.answers():
                return True
        raise SessionError(
            f"JupyterLab did not answer within {_START_TIMEOUT:.0f} s of its start: {self._lab.last_log_lines()}"
        )

    def _lab_ended(self, pid: int) -> None:
        self._loop.forget(self._lab_fd)
        os.close(self._lab_fd)
        self._lab_fd = -1
        end_orphans(pid)

    def _how_it_ended(self) -> str:
        """Say how the server's process ended, once tmux has been told by the kernel."""
        deadline = time.monotonic() + 2
        while (status := self._tmux.exit_status()) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return str(status) if status else "its window was closed"

    def _stop_server(self, budget: Budget) -> None:
        """Ask the server to shut its kernels and itself down; then insist."""
        if self._lab_fd < 0:
            return
        with suppress(LabError):
            self._lab.request("POST", "/api/shutdown", timeout=budget.left(until=_ASKED))
            self._await_server_end(budget.left(until=_SHUT_DOWN))
        for number, until in ((signal.SIGTERM, _TERMINATED), (signal.SIGKILL, _KILLED)):
            if self._lab_fd >= 0:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._lab_fd, number)
                self._await_server_end(budget.left(until=until))

    def _await_server_end(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while self._lab_fd >= 0 and time.monotonic() < deadline:
            self._turn(deadline - time.monotonic())

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
        return self._lab.request("GET", path)

    def _announce_ready(self, reason: str) -> None:
        connection = self._make_connection(self._lab.port, self._lab.token)
        self._announcer.connection = connection
        now = self._clock.now()
        deadline = self._deadlines.next(now)
        self._announcer.deadline = None if deadline is None else _epoch(deadline.at - now)
        self._announcer.enter(State.READY, reason)
        if connection.job is None and sys.stdout.isatty():
            print(f"\n    {connection.secret_url}\n\nCtrl-C ends the session.\n", flush=True)


def _epoch(seconds: float) -> int:
    """Return the time that is so many seconds away, as people's clocks will show it."""
    return round(time.time() + seconds)
