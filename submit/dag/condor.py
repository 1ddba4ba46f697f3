"""HTCondor's own commands, as this access point has them."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

_STRING = re.compile(r'(\w+)="(.*)"')
#: JobNotification: always, at completion.
_WANTS_MAIL = (1, 2)


class CondorError(Exception):
    """A command of HTCondor's could not do it; the message says why in one sentence."""


def strings(text: str) -> dict[str, str]:
    """Return the attributes that are strings, from an ad in the long form."""
    found = (_STRING.fullmatch(line) for line in text.splitlines())
    return {pair[1]: re.sub(r"\\(.)", r"\1", pair[2]) for pair in found if pair}


def quoted(text: str) -> str:
    """Write a ClassAd string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def described(submit_file: str) -> dict[str, str]:
    """Return the string attributes of the job that a submit file describes; nothing is submitted."""
    return strings(_run("condor_submit", "-dry-run", "-", submit_file))


def queue(constraint: str, *attributes: str) -> list[dict[str, Any]]:
    """Return the ads of the user's jobs that meet a constraint."""
    text = _run("condor_q", "-json", "-constraint", constraint, "-attributes", ",".join(attributes)).strip()
    return list(json.loads(text)) if text else []


def mail(job: str, subject: str, body: str) -> None:
    """Send a mail about a job as HTCondor would: where `notification` asks for it, to `notify_user`, by its mailer."""
    ads = queue(f"ClusterId == {int(job.partition('.')[0])}", "JobNotification", "NotifyUser", "Owner")
    if not ads or ads[0].get("JobNotification") not in _WANTS_MAIL:
        return
    address = str(ads[0].get("NotifyUser") or ads[0].get("Owner"))
    if "@" not in address:
        address += f"@{_setting('EMAIL_DOMAIN') or _setting('UID_DOMAIN')}"
    mailer = _setting("MAIL")
    if mailer and not address.startswith("-"):
        _run(mailer, "-s", subject, address, given=f"{body}\n")


def _setting(name: str) -> str:
    try:
        return _run("condor_config_val", name).strip()
    except CondorError:
        return ""


def _run(*words: str, given: str = "") -> str:
    try:
        done = subprocess.run(
            words, input=given, capture_output=True, text=True, errors="replace", timeout=120, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CondorError(f"{words[0]} can't be run here ({error})") from None
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise CondorError(f"{words[0]} says: {said[0] if said else f'exit status {done.returncode}'}")
    return done.stdout
