"""What the verbs ask HTCondor's queue, and the session in a job, over a connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import NoReturn

from chtc_condor.notebook_look import clean
from chtc_condor.ownership import constrain
from chtc_jupyter import queue, store
from chtc_jupyter.commands import past
from chtc_jupyter.condor import architecture, job_ads, match_analysis, opt_in
from chtc_jupyter.condor.job_ads import Ad
from chtc_jupyter.errors import FailedError, LauncherError, NoSuchSessionError, PolicyError
from chtc_jupyter.json_text import load_json
from chtc_jupyter.ssh import tunnel
from chtc_jupyter.ssh.agent_client import AgentClient, Answer
from chtc_jupyter.store import Record

_log = logging.getLogger(__name__)
#: Prints what the machines demand of jobs.
STARTS = ("condor_status", "-constraint", 'SlotType =!= "Dynamic"', "-json", "-attributes", "Machine,Start")
#: Seconds in which a session has answered, and in which a job that somebody may enter has been entered.
_ANSWER, _ENTRY = 60, 50
#: Seconds before a job is entered again into which HTCondor has led without a word.
_PAUSES = (0.5, 2.0)
#: Characters of what it says.
_LONGEST = 1000
#: How many names in START expressions are looked up.
_MOST_NAMES = 40


async def find(link: AgentClient, name: str | None) -> Ad:
    """Return the ad of the session that is meant; raises NoSuchSessionError, CondorError."""
    present = await queue.find_jobs(link, job_ads.PRESENT)
    found = job_ads.select_jobs(present, name)
    if not found and name and (remembered := store.look_up(name, link.ap)):
        found = job_ads.select_jobs(present, remembered.name)  # it has ended, and was started again elsewhere
    if not found and name and past.JOB.fullmatch(name):
        found = await queue.find_jobs(link, f"{job_ads.match_job(name)} && !({job_ads.ENDED})")
    found = [ad for ad in found if not past.is_another(ad, link.ap)]
    if len(found) == 1:
        return found[0]
    if not found:
        await _raise_not_queued(link, name)
    known = ", ".join(f"{ad.get('JupyterName', '-')} ({job_ads.get_job_id(ad)})" for ad in found)
    raise NoSuchSessionError(f"There are several sessions. Give a name or a job: {known}.")


async def _raise_not_queued(link: AgentClient, name: str | None) -> NoReturn:
    """Raise EndedError if the session has ended, otherwise NoSuchSessionError."""
    await past.raise_if_ended(link, name)
    is_job = name is not None and past.JOB.fullmatch(name)
    if name and is_job and (owner := await queue.find_other_owner(link, name)):
        raise NoSuchSessionError(f"Job {name} on {link.ap} isn't yours: it is a job of the user {owner}.")
    if ended := await past.find_past(link, name):
        raise past.EndedError(ended)
    if name is None:
        raise NoSuchSessionError(f"There is no session in the queue of {link.ap}. `chtc-jupyter start` starts one.")
    if is_job:
        raise NoSuchSessionError(
            f"There is no job {name} in the queue of {link.ap}. If it was a session that has ended, "
            f"`condor_history {name} -af JupyterReason` there says why."
        )
    raise NoSuchSessionError(
        f"There is no session {name!r} in the queue of {link.ap}. `chtc-jupyter list` shows what is there."
    )


def raise_if_over(ad: Ad) -> None:
    """Raise NoSuchSessionError if the session of a job that runs has ended."""
    if job_ads.is_over(ad):
        job, reason = job_ads.get_job_id(ad), job_ads.build_row(ad, 0).why
        raise NoSuchSessionError(f"The session in job {job} has ended, but the job is still on its machine: {reason}")


async def find_record(link: AgentClient, name: str | None) -> Record:
    """Return how to follow the session that is meant; raises NoSuchSessionError, CondorError."""
    found = job_ads.build_record(await find(link, name), link.ap)
    if found is None:
        raise NoSuchSessionError("That job has no event log to follow. Add a `log = ...` line to its submit file.")
    return found


async def explain_queued(link: AgentClient, job: str) -> str:
    """Return why a job isn't running, or "" if that isn't known."""
    try:
        ad = await queue.find_job(link, job)
    except LauncherError as error:
        _log.debug("Can't tell why job %s is queued: %s", job, error)
        return ""
    if ad is None:
        return ""
    last = str(ad.get("LastRejMatchReason", ""))
    analysis = await link.run(["condor_q", "-better-analyze", job])
    if analysis["status"]:
        return match_analysis.describe_no_analysis(clean(str(analysis["err"]), _LONGEST), last)
    shown = await link.run(match_analysis.SLOTS)
    found, wanted = match_analysis.parse_analysis(analysis["out"]), match_analysis.read_request(ad)
    slots = None if shown["status"] else match_analysis.parse_slots(shown["out"])
    archs = architecture.list_wanted(str(ad.get("Requirements", "")))
    fitting = match_analysis.list_fitting_machines(wanted, slots or (), archs)
    opt_ins = [] if found.counts.get("willing") else await _find_opt_ins(link, job, fitting)
    said = match_analysis.explain(found, wanted, slots, last, opt_ins, archs=archs)
    if not fitting or opt_ins or found.counts.get("willing") or not found.counts.get("unwilling"):
        return said
    manager, machines = [
        str((await link.run(argv))["out"]) for argv in (match_analysis.MANAGER_VERSION, match_analysis.MACHINE_VERSIONS)
    ]
    return "; ".join(filter(None, (said, match_analysis.describe_older_manager(manager, machines))))


async def _find_opt_ins(link: AgentClient, job: str, machines: Sequence[str]) -> list[str]:
    """Return the settings that these machines demand of a job and that it lacks."""
    shown = await link.run(STARTS)
    try:
        starts = opt_in.parse_starts(load_json(str(shown["out"]).strip() or "[]"), machines)
        foreign = await find_foreign(link, opt_in.list_bare_names(starts))
        if not any(opt_in.find_opt_ins(start, foreign) for start in starts):
            return []
        condition = constrain(await queue.find_owner(link), job_ads.match_job(job))
        asked = await link.run(["condor_q", "-constraint", condition, "-json"])
        [ad] = load_json(str(asked["out"]))
    except (LauncherError, ValueError) as error:
        _log.debug("Can't tell what the machines demand of job %s: %s", job, error)
        return []
    return opt_in.list_lacking(starts, ad, foreign)


async def find_foreign(link: AgentClient, names: Sequence[str]) -> set[str]:
    """Return those of some names, in lower case, that no machine of the pool has."""
    if not names:
        return set()
    formats = [f"{name} isnt undefined" for name in names[:_MOST_NAMES]]
    shown = await link.run(["condor_status", "-constraint", 'SlotType =!= "Dynamic"', "-af", *formats])
    rows = [line.split() for line in str(shown["out"]).splitlines()]
    has = [any(row[column : column + 1] != ["false"] for row in rows) for column in range(len(names[:_MOST_NAMES]))]
    return {name.lower() for name, there in zip(names, has, strict=False) if rows and not there}


async def run_inside(link: AgentClient, job: str, *argv: str) -> str:
    """Run a verb of jupyter-session in the job and return what it printed; raises FailedError, PolicyError."""
    try:
        return await asyncio.wait_for(_collect_lines(link, job, argv), _ANSWER)
    except asyncio.TimeoutError:
        raise FailedError(
            f"The session in job {job} didn't answer within {_ANSWER} s. Try again in a few seconds."
        ) from None


async def _collect_lines(link: AgentClient, job: str, argv: Sequence[str]) -> str:
    async with contextlib.aclosing(stream_inside(link, job, *argv)) as lines:
        return "".join([f"{line}\n" async for line in lines])


async def stream_inside(link: AgentClient, job: str, *argv: str) -> AsyncGenerator[str, None]:
    """Run a verb of jupyter-session in the job and yield the lines it prints; raises FailedError, PolicyError.

    HTCondor sometimes ends without a word, as when many jobs are entered at once: then the job is entered again. Each
    verb may run twice.
    """
    for pause in (*_PAUSES, None):
        visit = _Visit(link, job, argv)
        async with contextlib.aclosing(visit.run()) as lines:
            async for line in lines:
                yield line
        if visit.done:
            return
        if pause is None or visit.entered or visit.said.strip():
            break
        _log.info("condor_ssh_to_job printed nothing of job %s; entering it again", job)
        await asyncio.sleep(pause)
    if refusal := tunnel.find_policy_refusal(visit.said):
        raise PolicyError(
            f"This pool doesn't allow ssh into job {job} ({refusal}). It may allow it if you start the session with "
            "--interactive."
        )
    raise FailedError(_describe_silence(job, visit))


def _describe_silence(job: str, visit: _Visit) -> str:
    """Return that a verb in a job didn't end as it should."""
    why = clean(visit.said, _LONGEST)
    if not why and not visit.entered:
        return (
            f"condor_ssh_to_job didn't enter job {job}, and gave no reason, {len(_PAUSES) + 1} times: its machine may "
            "be busy. Try again in a minute."
        )
    return f"The session in job {job} didn't answer ({why or 'no reason given'}). Try again in a few seconds."


class _Visit:
    """One try to run a verb in a job: whether it was let in and came to its end, and what was printed last."""

    def __init__(self, link: AgentClient, job: str, argv: Sequence[str]) -> None:
        self._link, self._job, self._argv = link, job, argv
        self.entered = self.done = False
        self.said = ""

    async def run(self) -> AsyncGenerator[str, None]:
        """Yield the lines that the verb prints. Raises FailedError if it fails, or if nobody is let in."""
        answers = self._link.stream("follow", argv=tunnel.build_inside_command(self._job, self._argv))
        async with contextlib.aclosing(answers):
            while (answer := await self._next(answers)) is not None:
                line = answer.get("line")
                if line == tunnel.ENTERED:
                    self.entered = True
                elif line == tunnel.DONE:
                    self.done = True
                    return
                elif line == tunnel.FAILED:
                    said = clean(self.said, _LONGEST).removeprefix("jupyter-session: ")
                    raise FailedError(f"In job {self._job}: {said or 'it gave no reason'}")
                elif line is None:
                    self.said = str(answer.get("err") or answer.get("error") or self.said)
                else:
                    self.said = line
                    yield line

    async def _next(self, answers: AsyncGenerator[Answer, None]) -> Answer | None:
        """Return the next answer, or None at the end; until the job has been entered, each must come in time."""
        try:
            return await asyncio.wait_for(answers.__anext__(), None if self.entered else _ENTRY)
        except StopAsyncIteration:
            return None
        except asyncio.TimeoutError:
            raise FailedError(
                f"Job {self._job} couldn't be entered within {_ENTRY} s: its machine may be busy or out of reach. Try "
                "again in a minute."
            ) from None
