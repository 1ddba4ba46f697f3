"""Check the whole way from this machine into a job, and say what to fix."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import webbrowser
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chtc_condor import carry
from chtc_condor.codes import JobStatus
from chtc_jupyter import queue
from chtc_jupyter.commands import config
from chtc_jupyter.commands.queries import STARTS, run_inside
from chtc_jupyter.commands.review import find_obstacles
from chtc_jupyter.commands.start import FOLDER
from chtc_jupyter.condor import job_ads, match_analysis, opt_in
from chtc_jupyter.errors import LauncherError
from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.agent_client import HERE, AgentClient, Answer
from chtc_jupyter.ssh.login import open_link
from chtc_jupyter.ssh.user_config import find_shadowed, find_taken
from chtc_jupyter.terminal import Terminal

_log = logging.getLogger(__name__)
#: Prints for each slot whether it runs container images.
_CONTAINERS = ("condor_status", "-constraint", 'SlotType =!= "Dynamic"', "-af", "HasContainer ?: false")
_RUNNING = f'JobStatus == {JobStatus.RUNNING:d} && (JupyterState == "ready" || JupyterState == "expiring")'
#: Bytes that the home folder must have room for.
_PROBE = 65536
#: Seconds in which this machine says which browser it has.
_PATIENCE = 10


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
            await self._check_files(link)
            if self._ap != HERE:
                forbidden = "Ask its operators for `AllowStreamLocalForwarding yes` in sshd_config."
                self._report("ssh can forward to a socket there", "" if await link.can_forward() else forbidden)
        finally:
            await link.close()

    async def _check_condor(self, link: AgentClient) -> None:
        asked = await link.run(["condor_q", "-totals"])
        self._report("its schedd answers", _explain(asked, "Try again in a few minutes."))
        listed = await link.run(_CONTAINERS)
        if self._report("the pool answers", _explain(listed, "Ask its operators.")):
            able = listed["out"].split().count("true")
            advice = "" if able else "None does, or the pool is empty. Ask its operators for Apptainer on the machines."
            self._report("machines in the pool run container images", advice)
            await self._check_demands(link)
        allowed = await link.run(["condor_config_val", "SCHEDD_ENABLE_SSH_TO_JOB"])
        forbids = str(allowed["out"]).strip().lower() == "false"
        advice = "SCHEDD_ENABLE_SSH_TO_JOB is false there. Ask its operators to allow it." if forbids else ""
        if self._report("it allows ssh into jobs", advice):
            await self._check_job(link)

    async def _check_job(self, link: AgentClient) -> None:
        """Check that the machines allow ssh into jobs too: only a running session can tell."""
        try:
            running = await queue.find_jobs(link, _RUNNING)
        except LauncherError as error:
            _log.debug("Can't tell which sessions run: %s", error)
            return
        for ad in running[:1]:
            advice = ""
            try:
                await run_inside(link, job_ads.get_job_id(ad), "status")
            except LauncherError as error:
                advice = str(error)
            self._report(f"so does the machine of job {job_ads.get_job_id(ad)}", advice)

    async def _check_files(self, link: AgentClient) -> None:
        home = link.hello["home"]
        if "://" not in self._image:
            there = await link.run(["test", "-r", self._image.replace("~", home, 1)])
            advice = "Copy jupyter.sif there, or run `chtc-jupyter config image PATH`." if there["status"] else ""
            self._report(f"the image {self._image} exists", advice)
        probe = f"{home}/{FOLDER}/.chtc-jupyter-doctor"
        advice = ""
        try:
            await link.ask("write", path=probe, text="x" * _PROBE)
        except LauncherError as error:
            advice = str(error)
        self._report("the home folder is writable", advice)
        await link.run(["rm", "-f", probe])
        await self._check_folders(link)

    async def _check_folders(self, link: AgentClient) -> None:
        """Check that HTCondor can transfer the notebooks of each session."""
        kept = str(self._values.get("notebooks", ""))
        home, folders = link.hello["home"], [kept.replace("~", link.hello["home"], 1)] if kept else []
        try:
            names = (await link.ask("list", path=f"{home}/{FOLDER}"))["names"]
            folders += [f"{home}/{FOLDER}/{name}/notebooks" for name in names if not name.endswith((".sif", ".sub"))]
            found = await find_obstacles(link, folders)
        except (LauncherError, ValueError) as error:
            _log.debug("Can't look through the notebooks: %s", error)
            return
        self._report("HTCondor can transfer your notebooks", carry.describe_obstacles(found) if found else "")

    async def _check_demands(self, link: AgentClient) -> None:
        """Check that there are machines that demand nothing of a job that a session's doesn't have."""
        shown = await link.run(STARTS)
        try:
            starts = [opt_in.parse_starts([ad], [ad["Machine"]])[0] for ad in json.loads(shown["out"].strip() or "[]")]
        except (ValueError, KeyError, IndexError) as error:
            _log.debug("Can't tell what the machines demand: %s", error)
            return
        kept = {config.get_setting_key(setting).removeprefix("my."): True for setting in self._values.get("set", ())}
        lacking = [opt_in.list_lacking([start], kept) for start in starts]
        if not any(lacking):
            return
        some = opt_in.list_lacking(starts, kept)[:3]
        count = sum(map(bool, lacking))
        self._report(
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
