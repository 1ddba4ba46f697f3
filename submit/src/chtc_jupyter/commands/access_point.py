"""Choose the access point of a command."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess

from chtc_jupyter import store
from chtc_jupyter.commands import config
from chtc_jupyter.errors import UsageError
from chtc_jupyter.ssh.agent_client import HERE
from chtc_jupyter.terminal import Terminal

_log = logging.getLogger(__name__)
_ADVICE = "Give --ap USER@HOST, or set a default with `chtc-jupyter config ap USER@HOST`."


def choose_access_point(given: str | None, terminal: Terminal) -> str:
    """Return the access point: the one given, the user's default, or this machine if it is one.

    Raises UsageError if there is none.
    """
    if found := given or config.load().get("ap"):
        return str(found)
    if not shutil.which("condor_submit"):
        raise UsageError(f"Which access point? {_ADVICE}")
    if not runs_schedd():
        raise UsageError(f"Which access point? This machine has HTCondor's tools, but runs no schedd. {_ADVICE}")
    terminal.say(f"Using this machine ({socket.gethostname()}) as the access point. Give --ap for another one.")
    return HERE


def runs_schedd() -> bool:
    """Return True if a schedd runs on this machine: HTCondor's tools find it by the file that it writes."""
    try:
        asked = subprocess.run(
            ["condor_config_val", "SCHEDD_ADDRESS_FILE"],
            check=False,
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.debug("condor_config_val can't be run: %s", error)
        return False
    path = asked.stdout.strip()
    _log.debug("The schedd of this machine writes its address to %s", path or "no file")
    return asked.returncode == 0 and os.path.exists(path)  # noqa: PTH110 - False too for a file that can't be seen


def choose_target(name: str | None, ap: str | None, terminal: Terminal) -> tuple[str, str | None]:
    """Return the access point of the session that is meant, and its job, or the name it has there."""
    if record := store.look_up(name, ap):
        return record.ap, record.job
    aps = {record.ap for record in store.load_records()}
    return (aps.pop() if len(aps) == 1 and ap is None else choose_access_point(ap, terminal)), name
