"""Check the whole way from this machine into a job, and say what to fix."""

from __future__ import annotations

import asyncio
import shutil
import webbrowser
from collections.abc import Coroutine, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chtc_condor import carry
from chtc_condor.codes import JobStatus
from chtc_condor.dry_run import parse_value
from chtc_jupyter import queue
from chtc_jupyter.commands import config, images
from chtc_jupyter.commands.queries import STARTS, find_foreign, run_inside
from chtc_jupyter.commands.review import find_obstacles
from chtc_jupyter.commands.start import FOLDER
from chtc_jupyter.condor import architecture, job_ads, match_analysis, opt_in
from chtc_jupyter.errors import LauncherError
from chtc_jupyter.json_text import load_json
from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.agent_client import HERE, AgentClient, Answer, LinkLostError, Way
from chtc_jupyter.ssh.login import open_link
from chtc_jupyter.ssh.user_config import find_shadowed, find_taken
from chtc_jupyter.terminal import SLOW, Terminal

#: Prints for each slot whether it runs container images.
_CONTAINERS = ("condor_status", "-constraint", 'SlotType =!= "Dynamic"', "-af", "HasContainer ?: false")
#: Prints the architecture of each slot.
_ARCHITECTURES = ("condor_status", "-constraint", 'SlotType =!= "Dynamic"', "-af", "Arch")
_RUNNING = (
    f'JobStatus == {JobStatus.RUNNING:d} && (JupyterState == "ready" || JupyterState == "expiring") && '
    f"{job_ads.OF_THIS_START}"
)
#: Has run for a while, and has announced nothing since it started.
_MUTE = (
    f"JobStatus == {JobStatus.RUNNING:d} && JupyterName isnt undefined && "
    f"(JupyterState is undefined || !({job_ads.OF_THIS_START})) && "
    "time() - JobCurrentStartExecutingDate > 10"
)
#: Bytes that the home folder must have room for.
_PROBE = 65536
#: Seconds in which this machine says which browser it has, in which a command on the access point answers, and for a
#: check as a whole.
_PATIENCE, _ANSWER, _LIMIT = 10, 25, 60


@dataclass(frozen=True)
class Check:
    """One check and its result; `advice` says what to do if it isn't `ok`, or what there is to know."""

    check: str
    ok: bool
    advice: str = ""


class Doctor:
    """Makes one check after the other, and reports each at once."""

    def __init__(self, ap: str, values: Mapping[str, Any], terminal: Terminal) -> None:
        self.checks: list[Check] = []
        self._ap, self._terminal, self._values = ap, terminal, values
        self._image = str(values.get("image", config.KEYS["image"].builtin))

    async def run(self) -> int:
        """Make all checks; return the exit status, 1 if there is something to fix."""
        if self._ap == HERE or self._report(
            "ssh is installed", "" if shutil.which("ssh") else "Install OpenSSH's client."
        ):
            await self._check_all()
            self._check_own_hosts()
            await self._check_browser()
        return 0 if all(check.ok for check in self.checks) else 1

    def _report(self, what: str, advice: str = "", *, note: bool = False) -> bool:
        """Report a check, which is ok if there is no advice, or if that is only a note; return whether it is."""
        found = Check(what, note or not advice, advice)
        self.checks.append(found)
        self._terminal.report(asdict(found))
        if not self._terminal.as_json:
            self._terminal.print_result(f"{'ok  ' if found.ok else 'FAIL'}  {what}" + (f": {advice}" if advice else ""))
        return found.ok

    async def _try(self, what: str, check: Coroutine[Any, Any, bool]) -> bool:
        """Make a check that may take long, or fail in a way of its own; return whether it is ok."""
        try:
            async with self._terminal.explaining(SLOW, f"{self._ap}: checking whether {what}"):
                return await asyncio.wait_for(check, _LIMIT)
        except LauncherError as error:
            return self._report(what, str(error))
        except asyncio.TimeoutError:
            return self._report(what, f"There was no answer within {_LIMIT} s. Try again in a few minutes.")

    async def _check_all(self) -> None:
        try:
            link = await open_link(self._ap, self._terminal, forward=True)
        except LauncherError as error:
            self._report(f"log in to {self._ap}", str(error))
            return
        try:
            self._report(f"log in to {self._ap}, which has Python {link.hello['python']}")
            no_condor = (
                "" if link.hello["condor"] else str(openssh.build_no_condor_error(self._ap, link.hello["looked"]))
            )
            if self._report("HTCondor is installed there", no_condor):
                await self._check_condor(link)
            if "://" not in self._image:
                await self._try(f"the image {self._image} exists", self._check_image(link))
            await self._try("the home folder is writable", self._check_home(link))
            await self._try("HTCondor can transfer your notebooks", self._check_folders(link))
            if self._ap != HERE:
                await self._try("ssh can forward to a socket there", self._check_forward(link))
        except LinkLostError:
            self._report(f"the connection to {self._ap} stays", "It was lost, so not all was checked. Try again.")
        finally:
            await link.close()

    async def _check_condor(self, link: AgentClient) -> None:
        await self._try("its schedd answers", self._check_schedd(link))
        if await self._try("the pool answers", self._check_pool(link)):
            await self._try("machines in the pool take a session's job", self._check_demands(link))
        if await self._try("it allows ssh into jobs", self._check_entry(link)):
            await self._check_job(link)

    async def _check_schedd(self, link: AgentClient) -> bool:
        asked = await link.run(["condor_q", "-totals"], timeout=_ANSWER)
        return self._report("its schedd answers", _explain(asked, "Try again in a few minutes."))

    async def _check_pool(self, link: AgentClient) -> bool:
        listed = await link.run(_CONTAINERS, timeout=_ANSWER)
        if not self._report("the pool answers", _explain(listed, "Ask its operators.")):
            return False
        able = listed["out"].split().count("true")
        advice = "" if able else "None does, or the pool is empty. Ask its operators for Apptainer on the machines."
        self._report("machines in the pool run container images", advice)
        return True

    async def _check_entry(self, link: AgentClient) -> bool:
        allowed = await link.run(["condor_config_val", "SCHEDD_ENABLE_SSH_TO_JOB"], timeout=_ANSWER)
        forbids = str(allowed["out"]).strip().lower() == "false"
        advice = "SCHEDD_ENABLE_SSH_TO_JOB is false there. Ask its operators to allow it." if forbids else ""
        return self._report("it allows ssh into jobs", advice)

    async def _check_job(self, link: AgentClient) -> None:
        """Check that the machines allow ssh into jobs too: only a running session can tell."""
        try:
            running = await queue.find_jobs(link, _RUNNING)
            mute = await queue.find_jobs(link, _MUTE)
        except LauncherError as error:
            self._report("a session that runs can be entered", f"not checked: {error}", note=True)
            return
        for ad in mute[:1]:
            said = "It has announced nothing: its machine may forbid chirp, and then nothing is saved while it runs."
            self._report(f"job {job_ads.get_job_id(ad)} runs", said, note=True)
        for ad in (*running, *mute)[:1]:
            job = job_ads.get_job_id(ad)
            await self._try(f"the machine of job {job} allows it, too", self._check_inside(link, job))

    async def _check_inside(self, link: AgentClient, job: str) -> bool:
        await run_inside(link, job, "status")
        return self._report(f"the machine of job {job} allows it, too")

    async def _check_image(self, link: AgentClient) -> bool:
        what, path = f"the image {self._image} exists", self._image.replace("~", link.hello["home"], 1)
        kinds = await images.read_kinds(link, path)
        if path not in kinds:
            return self._report(what, "Copy jupyter.sif there, or run `chtc-jupyter config image PATH`.")
        self._report(what)
        if kind := kinds[path]:
            await self._try("machines in the pool can run the image", self._check_architecture(link, kind))
        return True

    async def _check_architecture(self, link: AgentClient, kind: str) -> bool:
        """Check that there are machines of the architecture that the image is for."""
        shown = await link.run(_ARCHITECTURES, timeout=_ANSWER)
        kinds = sorted({word for word in str(shown["out"]).split() if word.isascii() and word.isprintable()})
        what = f"machines in the pool are {kind}, as the image"
        if not kinds or kind in kinds:
            others = [one for one in kinds if one != kind][:5]
            variant = architecture.name_variant(self._image, "ARCH")
            note = f"Others are {', '.join(others)}: for these, put an image at {variant}, and use --arch."
            return self._report(what, note if others else "", note=True)
        return self._report(what, f"They are {', '.join(kinds[:5])}. Build the image on such a machine.")

    async def _check_home(self, link: AgentClient) -> bool:
        probe = f"{link.hello['home']}/{FOLDER}/.chtc-jupyter-doctor"
        try:
            await link.ask("write", path=probe, text="x" * _PROBE)
        finally:
            await link.run(["rm", "-f", probe], timeout=_ANSWER)
        return self._report("the home folder is writable")

    async def _check_folders(self, link: AgentClient) -> bool:
        """Check that HTCondor can transfer the notebooks of each session."""
        kept = str(self._values.get("notebooks", ""))
        home, folders = link.hello["home"], [kept.replace("~", link.hello["home"], 1)] if kept else []
        try:
            names = (await link.ask("list", path=f"{home}/{FOLDER}"))["names"]
            folders += [f"{home}/{FOLDER}/{name}/notebooks" for name in names if not name.endswith((".sif", ".sub"))]
            found = await find_obstacles(link, folders)
        except (LauncherError, ValueError) as error:
            return self._report("HTCondor can transfer your notebooks", f"not checked: {error}", note=True)
        return self._report("HTCondor can transfer your notebooks", carry.describe_obstacles(found) if found else "")

    async def _check_forward(self, link: AgentClient) -> bool:
        way, what = await link.find_way(), "ssh can forward to a socket there"
        forbidden = {
            Way.FORWARD: "",
            Way.RELAY: "It can't, so the browser's data takes a slower way. Ask its operators for "
            "`AllowStreamLocalForwarding yes` and `AllowTcpForwarding yes` in sshd_config.",
            Way.NONE: "There was no answer. Try again in a few minutes.",
        }[way]
        return self._report(what, forbidden, note=way is Way.RELAY)

    async def _check_demands(self, link: AgentClient) -> bool:
        """Check that there are machines that demand nothing of a job that a session's doesn't have."""
        shown = await link.run(STARTS, timeout=_ANSWER)
        try:
            starts = [opt_in.parse_starts([ad], [ad["Machine"]])[0] for ad in load_json(shown["out"].strip() or "[]")]
        except (ValueError, KeyError, IndexError) as error:
            return self._report("machines in the pool take a session's job", f"not checked: {error!r}", note=True)
        settings = [setting.partition("=") for setting in self._values.get("set", ())]
        kept = {
            config.get_setting_key(key.strip()).removeprefix("my."): parse_value(value) for key, _, value in settings
        }
        foreign = await find_foreign(link, opt_in.list_bare_names(starts))
        lacking = [opt_in.list_lacking([start], kept, foreign) for start in starts]
        if not any(lacking):
            return True
        some = opt_in.list_lacking(starts, kept, foreign)[:3]
        count = sum(map(bool, lacking))
        return self._report(
            "machines in the pool take a session's job",
            f"{count} of {len(starts)} machines take only jobs with {match_analysis.describe_settings(some)}.",
            note=count < len(starts),
        )

    def _check_own_hosts(self) -> None:
        """Say which hosts of the user's own are named like sessions, and so aren't reached as one."""
        taken = find_taken(Path.home())
        if shadowed := find_shadowed(Path.home(), taken):
            advice = f"`ssh {shadowed[0]}` is taken for one: run `chtc-jupyter ssh-config --write` again."
            self._report("hosts of your own aren't taken for sessions", advice)
        if own := [*taken.patterns, *([taken.all] if taken.all else [])]:
            said = f"Your own configuration has {', '.join(own)}: for a session of such a name, use its job's number."
            self._report("ssh jupyter-NAME leads to the session NAME", said, note=True)

    async def _check_browser(self) -> None:
        """Look whether Python finds a browser on this machine."""
        advice = ""
        try:
            await asyncio.wait_for(asyncio.to_thread(webbrowser.get), _PATIENCE)
        except (webbrowser.Error, asyncio.TimeoutError):
            advice = "No browser is found: open the address that `start` prints yourself, or set BROWSER."
        self._report("a browser can be opened", advice, note=True)


def _explain(answer: Answer, advice: str) -> str:
    """Return what a failed command printed, and the advice; "" if it succeeded."""
    said = " ".join(str(answer["err"]).split())
    return f"{said or 'It did not answer.'} {advice}" if answer["status"] else ""
