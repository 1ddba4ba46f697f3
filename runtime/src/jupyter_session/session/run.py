"""The verb `run`: checks its settings, then supervises one session."""

from __future__ import annotations

import logging
import os
import pwd
import socket
import tempfile
import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path

from jupyter_session import environment, log, output
from jupyter_session.condor import chirp
from jupyter_session.condor.attributes import NOTHING_OF_A_START, End, State, build_attributes, render_event
from jupyter_session.condor.connection import Connection
from jupyter_session.condor.job_ad import Job, read_job
from jupyter_session.condor.publisher import JobAdPublisher
from jupyter_session.errors import SessionError
from jupyter_session.session import watchdog
from jupyter_session.session.place import locate
from jupyter_session.settings import Settings, resolve
from jupyter_session.state_dir import StateDir, make_state_dir

_LOG = logging.getLogger(__name__)
_QUICK = 5.0


def run(arguments: Mapping[str, str | None], environ: MutableMapping[str, str]) -> int:
    """Run a session to its end and return the job's exit status.

    Raises SessionError or UsageError if it can't start; the reason is also in the job ad, if there is a job.
    """
    _close_scratch(environ)
    job = read_job(environ, look_ahead=True, meanwhile=_import_supervisor)
    enabled = job is not None and chirp.is_configured(environ)
    publisher = JobAdPublisher(enabled=enabled, say=_warn, ad=job.attributes if job else None)
    try:
        settings = resolve(arguments, environ, job.attributes if job else {})
        _check_folder(settings.notebooks)
        settings = replace(settings, notebooks=locate(settings.notebooks, environ))
        state = make_state_dir(environ, settings.notebooks)
        if state.has_sibling:
            publisher.close(timeout=1.0)
            publisher = JobAdPublisher(enabled=False, say=_warn)
            _warn("Another session runs in this job, and the job ad shows that one.")
        publishes = enabled and not state.has_sibling
        remains = watchdog.Remains(settings, job, state, publishes=publishes, started=time.time()).write()
    except SessionError as error:
        start = job.start if job else None
        failed = build_attributes(State.FAILED, str(error), None, None, end=End.FAILED, start=start)
        values = {**NOTHING_OF_A_START, **failed}
        publisher.publish(values, render_event(values))
        publisher.close(timeout=1.0)
        _let_end(job, environ)
        raise
    left_out = _complete_environment(environ, state, settings.notebooks)
    watchdog.fork(state, remains)
    return _supervise(settings, job, state, publisher, left_out)


def _close_scratch(environ: Mapping[str, str]) -> None:
    """Let no other user of the machine into the job's folder, which has the notebooks, the job ad, and the output.

    For a container without an `executable`, HTCondor opens it to all before Apptainer starts (25.14). The runscript
    closes it already, unless the libraries that came along keep its programs from starting.
    """
    if scratch := environ.get("_CONDOR_SCRATCH_DIR"):
        try:
            Path(scratch).chmod(0o700)
        except OSError as error:
            _LOG.warning("The job's folder can't be closed to other users: %s", error)


def _supervise(
    settings: Settings, job: Job | None, state: StateDir, publisher: JobAdPublisher, left_out: Sequence[str]
) -> int:
    log.write_to_file(state.supervisor_log)
    if left_out:
        _LOG.info("left out of the job's environment: %s", ", ".join(left_out))
    from jupyter_session.session.supervisor import Supervisor  # noqa: PLC0415 - see _import_supervisor

    if job is not None and not chirp.is_configured():
        publisher.problem = publisher.no_chirp
        _warn(publisher.no_chirp)
    connection = Connection(
        port=0,  # known once the server runs, as are the token and the host key
        host=job.host if job else socket.gethostname(),
        token="",
        job=job.id if job else None,
        access_point=settings.access_point or (job.access_point if job else None),
        outside=job.outside if job else False,
    )
    return Supervisor(settings, job, state, connection, publisher).run()


def _import_supervisor() -> None:
    """Import what takes as long as it takes another process to read the job ad."""
    import jupyter_session.session.supervisor  # noqa: F401, PLC0415


def _let_end(job: Job | None, environ: Mapping[str, str]) -> None:
    """See to it that HTCondor can bring back what came with a job that doesn't start a session."""
    from jupyter_session.transfer import SetAside  # noqa: PLC0415 - seldom needed

    try:
        set_aside = SetAside(job, locate(Path("notebooks"), environ), None, say=_warn, environ=environ)
        set_aside.put_back()
        set_aside.clear_way(_QUICK)
    except Exception:  # noqa: BLE001 - the reason why there is no session is what matters
        _LOG.debug("the way is not clear", exc_info=True)


def _check_folder(folder: Path) -> None:
    """Make the notebook folder if it is missing. Raises SessionError if files can't be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".jupyter-session-") as probe:
            probe.write(b"\0" * 65536)
            probe.flush()
    except (FileExistsError, NotADirectoryError):
        raise SessionError(f"--notebooks {str(folder)!r} is a file. Use a folder.") from None
    except OSError as error:
        raise SessionError(
            f"The notebook folder {str(folder)!r} can't be written ({error.strerror}). Use another with --notebooks, "
            "or free some space."
        ) from None


def _complete_environment(environ: MutableMapping[str, str], state: StateDir, notebooks: Path) -> list[str]:
    """Set the variables that programs expect and that a job's environment may lack, and leave out those that harm.

    Return the names of what is left out. Call it before there are threads: it tries locales.
    """
    scratch = environ.get("_CONDOR_SCRATCH_DIR")
    left_out = environment.clean(environ, Path(scratch) if scratch else None, notebooks)
    if not environ.get("USER"):
        try:
            environ["USER"] = pwd.getpwuid(os.getuid()).pw_name
        except KeyError as error:
            _LOG.debug("this user has no name: %s", error)
    environ.update(state.environment())
    return left_out


def _warn(sentence: str) -> None:
    output.write_line(f"jupyter-session: {sentence}", to_stderr=True)
