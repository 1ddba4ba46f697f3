"""Check the whole way from this machine into a job, and say what to fix."""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict, dataclass

from chtc_condor.codes import JobStatus
from chtc_jupyter.commands import queue
from chtc_jupyter.commands.queries import run_inside
from chtc_jupyter.commands.start import FOLDER
from chtc_jupyter.condor import job_ads
from chtc_jupyter.errors import LauncherError
from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.agent_client import HERE, AgentClient, Answer
from chtc_jupyter.ssh.login import open_link
from chtc_jupyter.terminal import Terminal

_log = logging.getLogger(__name__)
#: Prints for each slot whether it runs container images.
_CONTAINERS = ("condor_status", "-constraint", 'SlotType =!= "Dynamic"', "-af", "HasContainer ?: false")
_RUNNING = f'JobStatus == {JobStatus.RUNNING:d} && (JupyterState == "ready" || JupyterState == "expiring")'
#: Bytes that the home folder must have room for.
_PROBE = 65536


@dataclass(frozen=True)
class Check:
    """One check and its result; `advice` says what to do if it isn't `ok`."""

    check: str
    ok: bool
    advice: str = ""


class Doctor:
    """Makes one check after the other, and reports each at once."""

    def __init__(self, ap: str, image: str, terminal: Terminal) -> None:
        self.checks: list[Check] = []
        self._ap, self._image, self._terminal = ap, image, terminal

    async def run(self) -> int:
        """Make all checks; return the exit status, 1 if there is something to fix."""
        if self._ap == HERE or self._report(
            "ssh is installed", "" if shutil.which("ssh") else "Install OpenSSH's client."
        ):
            await self._check_all()
        return 0 if all(check.ok for check in self.checks) else 1

    def _report(self, what: str, advice: str = "") -> bool:
        """Report a check, which is ok if there is no advice; return whether it is."""
        found = Check(what, not advice, advice)
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


def _explain(answer: Answer, advice: str) -> str:
    """Return what a failed command printed, and the advice; "" if it succeeded."""
    said = " ".join(str(answer["err"]).split())
    return f"{said or 'It did not answer.'} {advice}" if answer["status"] else ""
