"""Start a session: check that everything it needs is there, submit its job once, and return how to follow it."""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chtc_jupyter.commands import queue
from chtc_jupyter.condor import job_ads, submit
from chtc_jupyter.condor.submit import Request
from chtc_jupyter.errors import CondorError, DiskError, LauncherError, MissingError, NoSuchSessionError, SubmitError
from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.agent_client import AgentClient, LinkLostError
from chtc_jupyter.store import Record

_log = logging.getLogger(__name__)
#: Folder of the sessions on the access point, below the home folder.
FOLDER = "jupyter"
_ENOSPC = 28


@dataclass(frozen=True, kw_only=True)
class StartOptions:
    """What the user typed; paths may be relative to the home folder on the access point."""

    request: Request
    submit_file: str | None = None
    interactive: bool = False

    def resolve(self, home: str) -> StartOptions:
        """Return the options with absolute paths."""

        def whole(path: str) -> str:
            path = path.removeprefix("~/")
            return path if "://" in path else posixpath.normpath(posixpath.join(home, path))

        request = self.request
        folder = whole(request.folder or f"{FOLDER}/{request.name}")
        return StartOptions(
            request=replace(
                request,
                folder=folder,
                notebooks=whole(request.notebooks) if request.notebooks else f"{folder}/notebooks",
                image=whole(request.image or f"{FOLDER}/jupyter.sif"),
            ),
            submit_file=whole(self.submit_file) if self.submit_file else None,
            interactive=self.interactive,
        )


def validate_options(options: StartOptions) -> None:
    """Raise UsageError if the options can't be submitted, on whatever access point."""
    for path, what in ((options.request.image, "the image"), (options.request.notebooks, "the notebooks folder")):
        submit.validate_path(path or "default", what)
    plan_submission(options.resolve("~"))


def plan_submission(options: StartOptions) -> str:
    """Return what to submit: the submit file, or the command for a submit file of the user's own."""
    if options.submit_file:
        argv = ["condor_submit", *submit.append_arguments(_build_own_lines(options.request)), options.submit_file]
        return submit.quote_shell(argv)
    return submit.render_submit_file(submit.build_description(options.request))


def _build_own_lines(request: Request) -> dict[str, str]:
    """Return the lines to add to a submit file of the user's own."""
    log = f"{request.folder}/jupyter-$(Cluster).log"
    return {**submit.render_request(request), "log": log}


async def launch(link: AgentClient, options: StartOptions, known: Sequence[Record]) -> Record:
    """Submit a session exactly once; raises LauncherError if that fails, with nothing left behind."""
    ap = link.ap
    if not link.hello["condor"]:
        raise openssh.build_no_condor_error(ap)
    options = options.resolve(link.hello["home"])
    request = options.request
    former = next((record for record in known if record.name == request.name), None)
    if former and former.ap != ap:
        raise NoSuchSessionError(
            f"There is already a session {former.name!r} on {former.ap}. `chtc-jupyter connect {former.name}` opens "
            f"it, and `chtc-jupyter forget {former.name}` forgets it; or use another name for the new one."
        )
    _log.info("Checking that no session on %s has the name %s", ap, request.name)
    if taken := await queue.find_jobs(link, job_ads.match_name(request.name)):
        raise _build_taken_error(request.name, job_ads.get_job_id(taken[0]), ap)
    await _ensure_inputs(link, options)
    argv, cwd = ["jupyter.sub"], request.folder
    if options.submit_file:
        argv = [*submit.append_arguments(_build_own_lines(request)), options.submit_file]
        cwd = posixpath.dirname(options.submit_file)
    else:
        await link.ask("write", path=f"{request.folder}/jupyter.sub", text=plan_submission(options))
    _log.info("Submitting the job in %s", cwd)
    try:
        if options.interactive:
            job = await _submit_interactive(link, argv, cwd, submit.build_shell_line(request))
        else:
            job = await _submit(link, argv, cwd)
    except LinkLostError:
        raise LauncherError(
            f"Lost the connection to {ap} while submitting the job. `chtc-jupyter list` shows whether it was "
            "submitted; nothing is submitted twice."
        ) from None
    _log.info("Submitted job %s", job)
    await _ensure_unique(link, request.name, job)
    log = f"{request.folder}/jupyter-{job.partition('.')[0]}.log"
    port = former.port if former else 0
    record = Record(request.name, ap, job, log, request.notebooks, port, interactive=options.interactive)
    if options.submit_file:  # only its ad knows where its notebooks are
        ad = await queue.find_job(link, job)
        found = job_ads.build_record(ad, ap) if ad else None
        record = replace(record, notebooks=found.notebooks) if found else record
    return record


async def _submit(link: AgentClient, argv: Sequence[str], cwd: str) -> str:
    done = await link.run(["condor_submit", "-terse", *argv], cwd=cwd, timeout=120)
    if done["status"]:
        raise build_submit_error(link.ap, done["err"] or done["out"])
    return str(done["out"].split()[0])


async def _submit_interactive(link: AgentClient, argv: Sequence[str], cwd: str, line: str) -> str:
    """Submit a job that is a shell, and start the session in it: it lives for as long as this connection.

    condor_submit stays, as the way to that shell; ended by a signal, it removes the job.
    """
    answers = link.stream("follow", argv=["condor_submit", "-i", *argv], cwd=cwd, input=line)
    said = ""
    async for answer in answers:
        if found := re.search(r"submitted to cluster (\d+)", answer.get("line", "")):
            link.keep(answers)
            return f"{found[1]}.0"
        said += answer.get("line", "") + answer.get("err", "") + answer.get("error", "") + "\n"
    raise build_submit_error(link.ap, said)


def build_submit_error(ap: str, said: str) -> LauncherError:
    """Return the error for a condor_submit that failed, by what it printed."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("Submitting job")]
    what = " ".join(line.removeprefix("ERROR:").strip() for line in lines) or "condor_submit gave no reason"
    low = what.lower()
    if "quota" in low or "no space" in low:
        return DiskError(f"The disk or your quota on {ap} is full ({what}). Free some space there, then try again.")
    if "max_jobs" in low or "maximum" in low:
        return SubmitError(f"Your queue on {ap} is full ({what}). Remove a job there or wait for one, then try again.")
    if "can't find address of" in low or "failed to connect" in low:
        return SubmitError(f"The schedd on {ap} doesn't answer ({what}). Try again in a few minutes.")
    return SubmitError(f"HTCondor rejected the job: {what}")


async def _ensure_unique(link: AgentClient, name: str, job: str) -> None:
    """Remove the job if another launcher submitted one of the same name in the same second, and raise."""
    try:
        found = await queue.find_jobs(link, job_ads.match_name(name))
    except CondorError as error:
        _log.debug("Can't check whether job %s is the only one named %s: %s", job, name, error)
        return
    first = job_ads.get_job_id(min(found, key=lambda ad: (int(ad["ClusterId"]), int(ad["ProcId"])))) if found else job
    if first != job:
        await queue.remove(link, job)
        raise _build_taken_error(name, first, link.ap)


def _build_taken_error(name: str, job: str, ap: str) -> NoSuchSessionError:
    return NoSuchSessionError(
        f"There is already a session {name!r}, job {job} on {ap}. `chtc-jupyter connect {name}` opens it; or use "
        "another name for the new one."
    )


async def _ensure_inputs(link: AgentClient, options: StartOptions) -> None:
    """Make the session's folder; raises MissingError if something that the user named doesn't exist."""
    request, ap = options.request, link.ap

    async def exists(path: str, test: str = "-e") -> bool:
        _log.info("Checking that %s exists on %s", path, ap)
        return bool((await link.run(["test", test, path]))["status"] == 0)

    if options.submit_file:
        if not await exists(options.submit_file):
            raise MissingError(f"There is no submit file {options.submit_file} on {ap}.")
    elif "://" not in request.image and not await exists(request.image):
        raise MissingError(
            f"There is no image {request.image} on {ap}. Copy jupyter.sif there, or name another image with --image."
        )
    default = not options.submit_file and request.notebooks == f"{request.folder}/notebooks"
    if not default and not options.submit_file and not await exists(request.notebooks, "-d"):
        raise MissingError(f"There is no folder {request.notebooks} on {ap}. Create it, or name another one.")
    made = await link.run(["mkdir", "-p", request.folder, *([request.notebooks] if default else [])])
    if made["status"]:
        full = "space" in made["err"] or "quota" in made["err"]
        raise openssh.build_file_error(ap, _ENOSPC if full else 0, made["err"].strip())
