"""Run HTCondor's own commands on this access point."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
from pathlib import Path
from typing import Any

from chtc_condor.codes import JobNotification
from chtc_condor.ownership import PING, constrain, parse_owner, quote_string

__all__ = [
    "CondorError",
    "dry_run",
    "find_owner",
    "get_setting",
    "query_jobs",
    "quote_string",
    "send_mail",
]


#: An address of mail: the job may have set it, and some mailers take others for an option, a file, or a command.
_ADDRESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._%+=-]*@[A-Za-z0-9][A-Za-z0-9.-]*")


class CondorError(Exception):
    """A command of HTCondor's failed; the message gives the reason in one sentence."""


def dry_run(*argv: str, folder: Path) -> str:
    """Return the job ads that condor_submit with these arguments would submit, in the long form."""
    return _run("condor_submit", "-dry-run", "-", *argv, cwd=folder)


def query_jobs(constraint: str, *attributes: str) -> list[dict[str, Any]]:
    """Return the ads of the user's jobs that meet a constraint."""
    own = constrain(find_owner(), constraint)
    text = _run("condor_q", "-json", "-constraint", own, "-attributes", ",".join(attributes)).strip()
    try:
        found = json.loads(text) if text else []
    except (ValueError, RecursionError):
        raise CondorError("condor_q printed something else than JSON") from None
    return [ad for ad in found if isinstance(ad, dict)]


def find_owner() -> str:
    """Return the name that the user's jobs have as `Owner`: the one that the schedd knows, or else the account's."""
    try:
        known = parse_owner(_run(*PING))
    except CondorError:
        known = ""
    return known or pwd.getpwuid(os.getuid()).pw_name


def send_mail(job: str, subject: str, body: str) -> None:
    """Send mail about a job as HTCondor would: only if `notification` asks for it, and to `notify_user`."""
    ads = query_jobs(f"ClusterId == {int(job.partition('.')[0])}", "JobNotification", "NotifyUser", "Owner")
    if not ads or ads[0].get("JobNotification") not in (JobNotification.ALWAYS, JobNotification.COMPLETE):
        return
    address = str(ads[0].get("NotifyUser") or ads[0].get("Owner"))
    if "@" not in address:
        address += f"@{get_setting('EMAIL_DOMAIN') or get_setting('UID_DOMAIN')}"
    mailer = get_setting("MAIL")
    if mailer and _ADDRESS.fullmatch(address):
        _run(mailer, "-s", subject, address, stdin=f"{body}\n")


def get_setting(name: str) -> str:
    """Return a value of HTCondor's configuration; empty if it has none."""
    try:
        return _run("condor_config_val", name).strip()
    except CondorError:
        return ""


def _run(*argv: str, stdin: str = "", cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(
            argv, cwd=cwd, input=stdin, capture_output=True, text=True, errors="replace", timeout=120, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CondorError(f"{argv[0]} can't be run here ({error})") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise CondorError(f"{argv[0]} failed: {lines[0] if lines else f'exit status {done.returncode}'}")
    return done.stdout
