"""Check the whole way from here into a job, and say what to mend."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass

from chtc_condor.codes import JobStatus
from chtc_jupyter.commands.queries import inside
from chtc_jupyter.commands.start import FOLDER
from chtc_jupyter.condor import job_ads
from chtc_jupyter.errors import LauncherError
from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.agent_client import HERE, AgentClient, Answer
from chtc_jupyter.ssh.login import open_link
from chtc_jupyter.terminal import Terminal

#: Prints for each slot whether it runs container images.
_CONTAINERS = ("condor_status", "-constraint", 'SlotType =!= "Dynamic"', "-af", "HasContainer ?: false")
_RUNNING = f'JobStatus == {JobStatus.RUNNING:d} && (JupyterState == "ready" || JupyterState == "expiring")'


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `advice` says what to do where it is not `ok`."""

    check: str
    ok: bool
    advice: str = ""


class Doctor:
    """Looks at one thing after the other, and tells of each at once."""

    def __init__(self, ap: str, image: str, terminal: Terminal) -> None:
        self.checks: list[Check] = []
        self._ap, self._image, self._terminal = ap, image, terminal

    async def run(self) -> int:
        """Look at everything; return the exit status, 1 where something is to be mended."""
        if self._ap == HERE or self._tell(
            "ssh is installed", "" if shutil.which("ssh") else "Install OpenSSH's client."
        ):
            await self._look()
        if self._terminal.as_json:
            print(json.dumps([asdict(check) for check in self.checks], indent=2))
        return 0 if all(check.ok for check in self.checks) else 1

    def _tell(self, what: str, advice: str = "") -> bool:
        """Tell of a check, which is well where there is nothing to advise; return whether it is."""
        found = Check(what, not advice, advice)
        self.checks.append(found)
        if not self._terminal.as_json:
            self._terminal.result(f"{'ok  ' if found.ok else 'FAIL'}  {what}" + (f": {advice}" if advice else ""))
        return found.ok

    async def _look(self) -> None:
        try:
            link = await open_link(self._ap, self._terminal, forward=True)
        except LauncherError as error:
            self._tell(f"login to {self._ap}", str(error))
            return
        try:
            self._tell(f"login to {self._ap}, which has Python {link.hello['python']}")
            if self._tell(
                "HTCondor is there", "" if link.hello["condor"] else str(openssh.build_no_condor_error(self._ap))
            ):
                await self._look_at_condor(link)
            await self._look_at_files(link)
            if self._ap != HERE:
                forbidden = "Ask its operators for `AllowStreamLocalForwarding yes` in sshd_config."
                self._tell("ssh may forward to a socket there", "" if await link.may_forward() else forbidden)
        finally:
            await link.close()

    async def _look_at_condor(self, link: AgentClient) -> None:
        asked = await link.run(["condor_q", "-totals"])
        self._tell("its queue answers", _failed(asked, "Try again in some minutes."))
        listed = await link.run(_CONTAINERS)
        if self._tell("the pool answers", _failed(listed, "Ask its operators.")):
            able = listed["out"].split().count("true")
            advice = "" if able else "None does, or none is there: ask its operators for Apptainer on the machines."
            self._tell("machines of the pool run container images", advice)
        allowed = await link.run(["condor_config_val", "SCHEDD_ENABLE_SSH_TO_JOB"])
        forbids = str(allowed["out"]).strip().lower() == "false"
        advice = "SCHEDD_ENABLE_SSH_TO_JOB is false there: ask its operators for it." if forbids else ""
        if self._tell("it lets you ssh into jobs", advice):
            await self._look_into_a_job(link)

    async def _look_into_a_job(self, link: AgentClient) -> None:
        """See whether the machines let one in too: only a session that runs can tell."""
        asked = await link.run(job_ads.query("-constraint", _RUNNING, "-limit", "1"))
        for ad in job_ads.parse(asked) if not asked["status"] else ():
            advice = ""
            try:
                await inside(link, job_ads.job_of(ad), "status")
            except LauncherError as error:
                advice = str(error)
            self._tell(f"so does the machine of job {job_ads.job_of(ad)}", advice)

    async def _look_at_files(self, link: AgentClient) -> None:
        home = link.hello["home"]
        if "://" not in self._image:
            there = await link.run(["test", "-r", self._image.replace("~", home, 1)])
            advice = "Copy jupyter.sif there, or `chtc-jupyter config image PATH`." if there["status"] else ""
            self._tell(f"the image {self._image} is there", advice)
        probe = f"{home}/{FOLDER}/.chtc-jupyter-doctor"
        advice = ""
        try:
            await link.ask("write", path=probe, text="x" * 65536)
        except LauncherError as error:
            advice = str(error)
        self._tell("the home folder can be written", advice)
        await link.run(["rm", "-f", probe])


def _failed(answer: Answer, advice: str) -> str:
    """Return what a command said that failed, and what to do; empty where it did not."""
    said = " ".join(str(answer["err"]).split())
    return f"{said or 'It did not answer.'} {advice}" if answer["status"] else ""
