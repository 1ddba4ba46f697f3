"""Start a session: see that all it needs is there, submit it once, and open it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chtc_jupyter.condor import job_ads, submit
from chtc_jupyter.condor.submit import Request
from chtc_jupyter.errors import CondorError, DiskError, LauncherError, MissingError, NoSuchSessionError, SubmitError
from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.agent_client import AgentClient, LinkLostError
from chtc_jupyter.store import Record

#: Where sessions live on the access point, below the home.
FOLDER = "jupyter"


@dataclass(frozen=True, kw_only=True)
class StartOptions:
    """What the person typed; paths may be relative to the home on the access point."""

    request: Request
    submit_file: str | None = None
    interactive: bool = False

    def on(self, home: str) -> StartOptions:
        """Return it with whole paths."""

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


def plan_submission(wish: StartOptions, home: str) -> str:
    """Return what would be submitted."""
    for path, what in ((wish.request.image, "the image"), (wish.request.notebooks, "the notebooks folder")):
        submit.validate_path(path or "default", what)
    wish = wish.on(home)
    if wish.submit_file:
        words = ["condor_submit", *submit.append_arguments(_own_lines(wish.request)), wish.submit_file]
        return submit.quote_shell(words)
    return submit.render_submit_file(submit.build_description(wish.request))


def _own_lines(request: Request) -> dict[str, str]:
    """Return what is added to a submit file of the user's."""
    log = f"{request.folder}/jupyter-$(Cluster).log"
    return {**submit.render_request(request), "log": log}


async def launch(link: AgentClient, wish: StartOptions, known: Sequence[Record]) -> Record:
    """Submit a session, exactly once; raises LauncherError where it could not be, with nothing left behind."""
    ap = link.ap
    if not link.hello["condor"]:
        raise openssh.build_no_condor_error(ap)
    wish = wish.on(link.hello["home"])
    request = wish.request
    planned = plan_submission(wish, link.hello["home"])
    former = next((record for record in known if record.name == request.name), None)
    if former and former.ap != ap:
        raise NoSuchSessionError(
            f"There is a session {former.name!r} on {former.ap} already: `chtc-jupyter connect {former.name}` opens "
            "it, `forget` forgets it; or give the new one another name."
        )
    if taken := job_ads.parse(await link.run(job_ads.named(request.name))):
        raise _taken(request.name, job_ads.job_of(taken[0]), ap)
    await _see_to_files(link, wish)
    argv, cwd = ["jupyter.sub"], request.folder
    if wish.submit_file:
        argv = [*submit.append_arguments(_own_lines(request)), wish.submit_file]
        cwd = posixpath.dirname(wish.submit_file)
    else:
        await link.ask("write", path=f"{request.folder}/jupyter.sub", text=planned)
    try:
        if wish.interactive:
            job = await _submit_interactive(link, argv, cwd, submit.shell_line(request))
        else:
            job = await _submit(link, argv, cwd)
    except LinkLostError:
        raise LauncherError(
            f"The connection to {ap} was lost while the job was being submitted: `chtc-jupyter list` shows whether "
            "it was taken; nothing is submitted twice."
        ) from None
    await _see_to_be_first(link, request.name, job)
    log = f"{request.folder}/jupyter-{job.partition('.')[0]}.log"
    port = former.port if former else 0
    record = Record(request.name, ap, job, log, request.notebooks, port, interactive=wish.interactive)
    if wish.submit_file:  # only its ad knows where its notebooks are
        found = job_ads.record(job_ads.parse(await link.run(job_ads.query(job)))[0], ap)
        record = replace(record, notebooks=found.notebooks) if found else record
    return record


async def _submit(link: AgentClient, argv: Sequence[str], cwd: str) -> str:
    done = await link.run(["condor_submit", "-terse", *argv], cwd=cwd, timeout=120)
    if done["status"]:
        raise not_taken(link.ap, done["err"] or done["out"])
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
    raise not_taken(link.ap, said)


def not_taken(ap: str, said: str) -> LauncherError:
    """Say why condor_submit took no job."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("Submitting job")]
    what = " ".join(line.removeprefix("ERROR:").strip() for line in lines) or "it did not say why"
    low = what.lower()
    if "quota" in low or "no space" in low:
        return DiskError(f"The disk or your quota on {ap} is full ({what}): make room there, then try again.")
    if "max_jobs" in low or "maximum" in low:
        return SubmitError(f"Your queue on {ap} is full ({what}): remove or wait for a job there, then try again.")
    if "can't find address of" in low or "failed to connect" in low:
        return SubmitError(f"HTCondor's queue on {ap} does not answer ({what}): try again in some minutes.")
    return SubmitError(f"HTCondor did not take the job: {what}")


async def _see_to_be_first(link: AgentClient, name: str, job: str) -> None:
    """Take the job back where another launcher submitted one of this name in the same second."""
    try:
        found = job_ads.parse(await link.run(job_ads.named(name)))
    except CondorError:
        return
    first = job_ads.job_of(min(found, key=lambda ad: (int(ad["ClusterId"]), int(ad["ProcId"])))) if found else job
    if first != job:
        await link.run(["condor_rm", job])
        raise _taken(name, first, link.ap)


def _taken(name: str, job: str, ap: str) -> NoSuchSessionError:
    return NoSuchSessionError(
        f"There is a session {name!r} already, job {job} on {ap}: `chtc-jupyter connect {name}` opens it; or give the "
        "new one another name."
    )


async def _see_to_files(link: AgentClient, wish: StartOptions) -> None:
    """Make the session's folder; raises MissingError where something that the user named is not there."""
    request, ap = wish.request, link.ap

    async def there(path: str, test: str = "-e") -> bool:
        return bool((await link.run(["test", test, path]))["status"] == 0)

    if wish.submit_file:
        if not await there(wish.submit_file):
            raise MissingError(f"There is no submit file {wish.submit_file} on {ap}.")
    elif "://" not in request.image and not await there(request.image):
        raise MissingError(
            f"There is no image {request.image} on {ap}: copy jupyter.sif there, or name yours with --image."
        )
    default = not wish.submit_file and request.notebooks == f"{request.folder}/notebooks"
    if not default and not wish.submit_file and not await there(request.notebooks, "-d"):
        raise MissingError(f"There is no folder {request.notebooks} on {ap}: make it, or name another one.")
    made = await link.run(["mkdir", "-p", request.folder, *([request.notebooks] if default else [])])
    if made["status"]:
        raise openssh.build_file_error(
            ap, 28 if "space" in made["err"] or "quota" in made["err"] else 0, made["err"].strip()
        )
