"""Where HTCondor brings the notebook folder back to, and why nothing can be saved there while the session runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jupyter_session.condor import chirp
from jupyter_session.condor.job_ad import Job
from jupyter_session.settings import Settings

#: Why nothing can be saved: the submit file doesn't ask for chirp, or the machine doesn't let jobs have it.
NO_FILES = "HTCondor doesn't let this job write files with chirp: add `want_io_proxy = true` to the submit file."
FORBIDDEN = "This machine doesn't let jobs write files with chirp."


def explain_no_files(job: Job | None) -> str:
    """Return why a job can't write files with chirp."""
    return FORBIDDEN if job and job.attributes.get("wantioproxy") is True else NO_FILES


class OffError(Exception):
    """Nothing can be saved in this session. The message is the reason, one sentence."""


class Destination(NamedTuple):
    """A folder relative to the job's folder on the access point.

    `started` is when the job was started, in seconds of the access point's clock, and `received_from` the same moment
    in nanoseconds of this machine's.
    """

    folder: str
    started: int
    received_from: int


def find_destination(settings: Settings, job: Job | None, folder: Path, environ: Mapping[str, str]) -> Destination:
    """Return where HTCondor will bring `folder` back to.

    The starter writes the job ad right before the files arrive, so its time is when they did. Raises OffError if there
    is no such place, or no connection to it.
    """
    if job is None:
        raise OffError("This isn't an HTCondor job.")
    if not settings.save_max_total:
        raise OffError("--save-max-total is 0.")
    if not chirp.is_configured(environ):
        raise OffError(explain_no_files(job))
    ad = job.attributes
    try:
        inside = folder.relative_to(Path(environ["_CONDOR_SCRATCH_DIR"]).resolve())
    except (KeyError, ValueError):
        raise OffError("The notebook folder isn't in the job's scratch folder, so it doesn't come back.") from None
    try:
        received_from = os.stat(environ["_CONDOR_JOB_AD"]).st_ctime_ns
        started = int(str(ad["jobcurrentstartdate"]))
    except (KeyError, ValueError, OSError):
        raise OffError("The job ad doesn't have the time when the job was started.") from None
    listed = [os.path.normpath(part.strip()) for part in str(ad.get("transferoutput", "")).split(",") if part.strip()]
    if str(inside) not in listed:
        raise OffError(f"{inside} isn't in transfer_output_files, so it doesn't come back.")
    elsewhere = any(ad.get(name) for name in ("outputdestination", "outputdirectory"))
    if elsewhere or _is_remapped(str(inside), str(ad.get("transferoutputremaps") or "")):
        raise OffError(
            "The submit file sends the output to another place (remaps, output_directory, or output_destination)."
        )
    return Destination(str(inside) if ad.get("preserverelativepaths") else inside.name, started, received_from)


def _is_remapped(folder: str, remaps: str) -> bool:
    """Return whether remaps (`NAME = NEW NAME; ...`) bring a folder, or something in it, back to another place."""
    names = [os.path.normpath(part.strip(' "').partition("=")[0].strip()) for part in remaps.split(";") if "=" in part]
    return any(f"{name}/".startswith(f"{folder}/") or folder.startswith(f"{name}/") for name in names)
