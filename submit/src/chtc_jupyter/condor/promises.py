"""Keep a session's promises in the launcher's own submit description, whatever `--set` adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chtc_condor import notebook_folder, submission
from chtc_condor.codes import JobStatus
from chtc_condor.dry_run import parse_value
from chtc_jupyter.errors import UsageError

#: HTCondor's own way to read a truth value in a submit file.
_TRUE, _FALSE = ("true", "t", "yes", "1"), ("false", "f", "no", "0")
#: Lists that may have more in them than the notebooks.
_LISTS = ("transfer_input_files", "transfer_output_files")
#: The attribute of each key that matters here, as far as its value is read without HTCondor.
_ATTRIBUTES = {
    "initialdir": "iwd",
    "container_image": "containerimage",
    "arguments": "arguments",
    "environment": "environment",
    "transfer_input_files": "transferinput",
    "transfer_output_files": "transferoutput",
    "transfer_output_remaps": "transferoutputremaps",
    "output_destination": "outputdestination",
    "output_directory": "outputdirectory",
    "should_transfer_files": "shouldtransferfiles",
    "when_to_transfer_output": "whentotransferoutput",
    "My.SpoolOnEvict": "spoolonevict",
    "want_io_proxy": "wantioproxy",
    "My.WantRemoteUpdates": "wantremoteupdates",
    "skip_if_dataflow": "skipifdataflow",
    "noop_job": "isnoopjob",
    "deferral_time": "deferraltime",
    **{
        f"cron_{unit}": f"cron{unit.replace('_', '')}"
        for unit in ("minute", "hour", "day_of_month", "month", "day_of_week")
    },
    "allowed_job_duration": "allowedjobduration",
    "allowed_execute_duration": "allowedexecuteduration",
    "on_exit_remove": "onexitremove",
    "on_exit_hold": "onexithold",
    "success_exit_code": "jobsuccessexitcode",
    "periodic_remove": "periodicremove",
    "periodic_hold": "periodichold",
}
_BOOLEANS = ("want_io_proxy", "skip_if_dataflow", "noop_job", "My.SpoolOnEvict", "My.WantRemoteUpdates")
_PLAIN = ("deferral_time", "allowed_job_duration", "allowed_execute_duration", "on_exit_remove", "on_exit_hold",
          "success_exit_code", "periodic_remove", "periodic_hold")  # fmt: skip


def keep_promises(lines: Mapping[str, str], notebooks: str) -> dict[str, str]:
    """Return a description with the notebooks in its lists. Raises UsageError if it takes away what is promised.

    `notebooks` is the name of the notebook folder, in the job as on the access point.
    """
    ad = _read(lines)
    if notebook_folder.find_name(ad) != notebooks:
        raise UsageError(
            f"What you set gives the session the folder {notebook_folder.find_name(ad)!r}, but the notebooks are in "
            f"{notebooks!r}. Use --notebooks DIR, and add `--notebooks {notebooks}` to `arguments` if you set them."
        )
    found = submission.review([ad], what="What you set")
    if found.refusals:
        raise UsageError(found.refusals[0])
    for key in found.additions:
        if key not in _LISTS:
            raise UsageError(
                f"The session needs `{key} = {found.additions[key]}` ({submission.REASONS[key]}). Leave out "
                f"--set '{key} = {lines[key]}'."
            )
    return {**lines, **found.additions}


def _read(lines: Mapping[str, str]) -> dict[str, Any]:
    """Return what HTCondor reads in a description, as far as that is known without it."""
    named = ("my.jupyternotebooks", "+jupyternotebooks")
    folder = next((_read_value(key, value) for key, value in lines.items() if key.lower() in named), None)
    ad = {_ATTRIBUTES[key]: _read_value(key, value) for key, value in lines.items() if key in _ATTRIBUTES}
    on_hold = lines.get("hold", "").lower() in _TRUE  # submitted on hold
    return {
        "shouldtransferfiles": "",
        **ad,
        "jupyternotebooks": folder,
        "jobstatus": JobStatus.HELD if on_hold else JobStatus.IDLE,
    }


def _read_value(key: str, value: str) -> Any:
    if key in _BOOLEANS and value.lower() in (*_TRUE, *_FALSE):
        return value.lower() in _TRUE
    if key in _PLAIN:
        return parse_value(value)
    if key in ("should_transfer_files", "when_to_transfer_output"):
        return value.upper()
    if value.startswith('"') and value.endswith('"') and len(value) > 1:
        return value[1:-1].replace('""', '"')
    return value.replace("$(DOLLAR)", "$")
