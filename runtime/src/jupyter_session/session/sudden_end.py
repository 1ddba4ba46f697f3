"""What becomes of the watchdog when a signal has killed the supervisor."""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from functools import partial

from jupyter_session import log, output
from jupyter_session.condor.attributes import End, State, build_attributes, fit_line, render_event
from jupyter_session.condor.connection import name_connection_file
from jupyter_session.condor.publisher import JobAdPublisher
from jupyter_session.errors import SessionError
from jupyter_session.jupyter.lab import belongs_to, end_orphans
from jupyter_session.session.watchdog import Remains
from jupyter_session.state_dir import StateDir

_LOG = logging.getLogger(__name__)
# Their sum is well below the 30 s between HTCondor's SIGTERM and SIGKILL, in case those come meanwhile.
_SHUTDOWN_WAIT, _KILL_WAIT, _PROTECT_WAIT, _CLEAR_WAIT, _PUBLISH_WAIT, _LOGINS_WAIT = 8.0, 1.0, 4.0, 3.0, 4.0, 4.0


def main(memory: int, number: int) -> int:
    """Clean up after a supervisor that was killed by signal `number`; return the job's exit status.

    `memory` is the open file that has its `Remains`.
    """
    _say(clean_up(number, Remains.read(memory)))
    output.flush()
    return SessionError.exit_code


def clean_up(number: int, remains: Remains) -> str:
    """End in order what the supervisor, killed by signal `number`, left behind; return what happened, in a sentence."""
    settings, job, state = remains.settings, remains.job, remains.state
    log.write_to_file(state.supervisor_log)
    name = signal.Signals(number).name
    hint = ", which the kernel does when memory is short: ask for more with request_memory" if name == "SIGKILL" else ""
    reason = f"The session's supervisor was killed by {name}{hint}. The files come back as they were last written."
    for file in state.runtime.glob("jpserver-*.json"):
        _end_server(int(file.stem.removeprefix("jpserver-")), state)
    # Whatever fails below, also because the image can't be read any more: the job ad gets the reason.
    try:
        from jupyter_session.tmux.server import Tmux  # noqa: PLC0415

        Tmux(state.tmux_socket).kill()
    except Exception:  # noqa: BLE001 - the job's end ends it too
        _LOG.debug("tmux was not ended", exc_info=True)
    try:
        from jupyter_session.saveback import protect_files  # noqa: PLC0415
        from jupyter_session.session.receipt import Receipt, find_changed_files  # noqa: PLC0415
        from jupyter_session.transfer import SetAside  # noqa: PLC0415

        # HTCondor brings the files back next, over those on the access point.
        saved = protect_files(settings, job, settings.notebooks, state.journal, _PROTECT_WAIT)
        reason += f" {saved.problem}" if saved.problem else ""
        set_aside = SetAside(job, settings.notebooks, state.received, say=partial(output.write_line, to_stderr=True))
        if state.received.exists():
            set_aside.recall()
        else:  # it was killed before it could put back what the last session set aside
            set_aside.put_back()
        set_aside.clear_way(_CLEAR_WAIT)

        Receipt(
            state=State.FAILED.value,
            end=End.FAILED.value,
            reason=reason,
            job=job.id if job else None,
            started=remains.started,
            seconds=time.time() - remains.started,
            changed=find_changed_files(settings.notebooks, remains.started, _KILL_WAIT),
            saved=saved.as_dict(),
            set_aside=set_aside.names,
        ).write(settings.notebooks)
    except Exception:  # noqa: BLE001 - the job ad has the reason
        _LOG.debug("there is no receipt", exc_info=True)
    start = job.start if job else None
    values = build_attributes(State.FAILED, reason, None, None, end=End.FAILED, start=start)
    files = {name_connection_file(job.id): None} if job else {}
    publisher = JobAdPublisher(enabled=remains.publishes, say=_say, ad=job.attributes if job else None)
    publisher.forget_ad()  # the supervisor has published
    publisher.publish(values, render_event(values), files)
    try:
        from jupyter_session.session.logins import LOGIN_LEFT, end_logins  # noqa: PLC0415

        if not (state.has_sibling or end_logins(job, os.environ, _LOGINS_WAIT)):
            publisher.publish({"JupyterReason": fit_line(f"{reason} {LOGIN_LEFT}")})
    except Exception:  # noqa: BLE001 - the job ad has the reason
        _LOG.debug("the logins were not ended", exc_info=True)
    publisher.close(_PUBLISH_WAIT)
    state.clear(keep_log=True)
    return reason


def _end_server(pid: int, state: StateDir) -> None:
    """Ask JupyterLab to end with its kernels, and then make it end, unless `pid` is another program's by now."""
    try:
        server = os.pidfd_open(pid)
        try:
            if not belongs_to(pid, state.id):
                raise ProcessLookupError
            for number, patience in ((signal.SIGTERM, _SHUTDOWN_WAIT), (signal.SIGKILL, _KILL_WAIT)):
                signal.pidfd_send_signal(server, number)
                if select.select([server], [], [], patience)[0]:
                    break
        finally:
            os.close(server)
    except ProcessLookupError:
        _LOG.debug("JupyterLab, process %d, has ended", pid)
    end_orphans(pid, state.id)


def _say(sentence: str) -> None:
    output.write_line(f"jupyter-session: {sentence}", to_stderr=True)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), int(sys.argv[2])))
