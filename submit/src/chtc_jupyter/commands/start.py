"""Start a session: check that everything it needs is there, submit its job once, and return how to follow it."""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chtc_jupyter import queue, store
from chtc_jupyter.commands import images, sharing
from chtc_jupyter.commands import review as reviewing
from chtc_jupyter.commands.review import Reviewed, Submission
from chtc_jupyter.condor import job_ads, settings, submit
from chtc_jupyter.condor.submit import Request
from chtc_jupyter.errors import LauncherError, MissingError, NoAnswerError, NoSuchSessionError
from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.agent_client import AgentClient, LinkLostError
from chtc_jupyter.store import Record

_log = logging.getLogger(__name__)
#: Folder of the sessions on the access point, below the home folder.
FOLDER = "jupyter"
#: The image in that folder.
IMAGE = "jupyter.sif"
_ENOSPC = 28
#: Seconds for the submission; a busy schedd is slow.
_SUBMIT = 120
#: What to do where it isn't known whether that was done.
_LOOK = "`chtc-jupyter list` shows whether it was submitted; nothing is submitted twice."
#: Makes folders, and prints those that were not there.
_MAKE = 'for folder; do [ -d "$folder" ] || { mkdir -p "$folder" && echo "$folder"; } || exit; done'


@dataclass(frozen=True, kw_only=True)
class StartOptions:
    """What the user typed; paths may be relative to the home folder on the access point."""

    request: Request
    submit_file: str | None = None
    interactive: bool = False
    early_entry: bool = False

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
                image=whole(request.image or f"{FOLDER}/{IMAGE}"),
                inputs=[whole(path) for path in request.inputs],
            ),
            submit_file=whole(self.submit_file) if self.submit_file else None,
            interactive=self.interactive,
            early_entry=self.early_entry and not self.interactive,
        )


def validate_options(options: StartOptions) -> None:
    """Raise UsageError if the options can't be submitted, on whatever access point."""
    for path, what in ((options.request.image, "the image"), (options.request.notebooks, "the notebooks folder")):
        submit.validate_path(path or "default", what)
    plan_submission(options.resolve("~"))


def plan_submission(options: StartOptions) -> str:
    """Return the submit file of a session that has none of its user's own."""
    return submit.render_submit_file(submit.build_description(options.request))


async def launch(
    link: AgentClient, options: StartOptions, known: Sequence[Record], say: Callable[[str], None] = _log.info
) -> Record:
    """Submit a session exactly once; raises LauncherError if that fails, with nothing left behind.

    `say` prints what the user should know of what is submitted.
    """
    ap = link.ap
    if not link.hello["condor"]:
        raise openssh.build_no_condor_error(ap, link.hello["looked"])
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
    options = await _ensure_inputs(link, options, say)
    made = await _make_folders(link, options)
    try:
        job, found = await _review_and_submit(link, options, say)
    except LinkLostError:
        raise LauncherError(f"Lost the connection to {ap} while submitting the job. {_LOOK}") from None
    except NoAnswerError:
        raise LauncherError(f"condor_submit on {ap} didn't end within {_SUBMIT} s. {_LOOK}") from None
    except LauncherError:
        await _remove_folders(link, made)
        raise
    _log.info("Submitted job %s", job)
    await _ensure_unique(link, request.name, job)
    log = f"{request.folder}/jupyter-{job.partition('.')[0]}.log"
    opened = store.load_opened(request.name)
    port = former.port if former else opened.port if opened else 0
    return Record(
        request.name, ap, job, log, found.notebooks, port,
        interactive=options.interactive, early_entry=found.early_entry,
    )  # fmt: skip


async def plan_own_file(link: AgentClient, options: StartOptions, say: Callable[[str], None]) -> str:
    """Return the command that would submit a file of the user's own, with the lines that it lacks; submit nothing.

    `say` prints what the user should know of them. Raises LauncherError if the file can't be submitted.
    """
    options = await _ensure_inputs(link, options.resolve(link.hello["home"]), say)
    made = await _make_folders(link, options)  # HTCondor opens the log for a dry run, too
    try:
        argv, found = await _review(link, options, say)
    finally:
        await _remove_folders(link, made)
    return f"cd {submit.quote_shell([found.cwd])} && {submit.quote_shell(['condor_submit', *argv])}"


async def _review_and_submit(
    link: AgentClient, options: StartOptions, say: Callable[[str], None]
) -> tuple[str, Reviewed]:
    """Submit the job once it keeps a session's promises; return its id, and what was found of it."""
    request = options.request
    argv, found = await _review(link, options, say)
    if note := await sharing.find_sharing(link, found.notebooks):
        say(note)
    if not options.submit_file:
        lines = {**submit.build_description(request), **found.lines}
        await link.ask("write", path=f"{request.folder}/jupyter.sub", text=submit.render_submit_file(lines))
    _log.info("Submitting the job in %s", found.cwd)
    if options.interactive:
        job = await _submit_interactive(link, argv, found.cwd, submit.build_shell_line(request))
    else:
        job = await _submit(link, argv, found.cwd)
    return job, found


async def _review(link: AgentClient, options: StartOptions, say: Callable[[str], None]) -> tuple[list[str], Reviewed]:
    """Return the arguments of condor_submit, and what was found in the submission; `say` prints the notes."""
    request = options.request
    own = options.submit_file
    draft = f"{link.folder}/jupyter.sub"
    if not own:
        await link.ask("write", path=draft, text=plan_submission(options))
    asked = Submission(
        file=own or draft,
        lines=submit.render_own_request(request) if own else {},
        cwd=posixpath.dirname(own) if own else request.folder,
        what=own or "What is to be submitted",
        log=f"{request.folder}/jupyter-$(Cluster).log",
        settings=list(settings.parse_settings(request.settings)),
        interactive=options.interactive,
        early_entry=options.early_entry,
    )
    _log.info("Asking HTCondor what it reads in %s", asked.file)
    found = await reviewing.review(link, asked, say)
    for note in found.notes:
        say(note)
    return [*submit.append_arguments(found.lines), own] if own else ["jupyter.sub"], found


async def _submit(link: AgentClient, argv: Sequence[str], cwd: str) -> str:
    done = await link.run(["condor_submit", "-terse", *argv], cwd=cwd, timeout=_SUBMIT)
    if done["status"]:
        raise reviewing.build_submit_error(link.ap, done["err"] or done["out"])
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
    raise reviewing.build_submit_error(link.ap, said)


async def _ensure_unique(link: AgentClient, name: str, job: str) -> None:
    """Remove the job if another launcher submitted one of the same name in the same second, and raise."""
    try:
        found = await queue.find_jobs(link, job_ads.match_name(name))
    except LauncherError as error:
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


async def _ensure_inputs(link: AgentClient, options: StartOptions, say: Callable[[str], None]) -> StartOptions:
    """Return the options with the image that is meant. Raises MissingError if something doesn't exist."""
    request, ap = options.request, link.ap
    if options.submit_file and not await _exists(link, options.submit_file):
        raise MissingError(f"There is no submit file {options.submit_file} on {ap}.")
    if not _is_default(options) and not options.submit_file and not await _exists(link, request.notebooks, "-d"):
        raise MissingError(f"There is no folder {request.notebooks} on {ap}. Create it, or name another one.")
    for path in request.inputs:
        if "://" not in path and not await _exists(link, path):
            name = submit.name_input(path)
            raise MissingError(
                f"There is no {path} on {ap}, which would be an input. Copy it there, or copy {name} into the session "
                "while it runs, with `chtc-jupyter cp`."
            )
    if options.submit_file or "://" in request.image:
        return options
    return replace(options, request=await images.choose_image(link, request, say))


async def _exists(link: AgentClient, path: str, test: str = "-e") -> bool:
    _log.info("Checking that %s exists on %s", path, link.ap)
    return bool((await link.run(["test", test, path]))["status"] == 0)


def _is_default(options: StartOptions) -> bool:
    """Return whether the notebooks are in the session's own folder, which the launcher makes."""
    return not options.submit_file and options.request.notebooks == f"{options.request.folder}/notebooks"


async def _make_folders(link: AgentClient, options: StartOptions) -> list[str]:
    """Make the session's folder, and its notebooks in it; return those that were not there, the inner ones first."""
    request = options.request
    wanted = [posixpath.dirname(request.folder), request.folder, *([request.notebooks] if _is_default(options) else [])]
    made = await link.run(["sh", "-c", _MAKE, "sh", *wanted])
    folders = str(made["out"]).splitlines()[::-1]
    if made["status"]:
        await _remove_folders(link, folders)
        full = "space" in made["err"] or "quota" in made["err"]
        raise openssh.build_file_error(link.ap, _ENOSPC if full else 0, made["err"].strip())
    return folders


async def _remove_folders(link: AgentClient, folders: Sequence[str]) -> None:
    """Remove folders that were made for a session that was not submitted, and the submit file in them."""
    try:
        for folder in folders:
            await link.run(["rm", "-f", f"{folder}/jupyter.sub"])
            await link.run(["rmdir", folder])
    except (LauncherError, LinkLostError) as error:
        _log.debug("Can't remove %s: %r", folders, error)
