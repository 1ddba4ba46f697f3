"""Ends the logins of condor_ssh_to_job with the session: as long as one is open, HTCondor keeps the job on its machine.

When the container's process ends before the program of a login, HTCondor (25.14) doesn't notice that this ends, too:
the login stays open until its user closes it, and the slot is taken as long.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from jupyter_session.activity import procfs, programs
from jupyter_session.activity.procfs import Process, ProcessId
from jupyter_session.condor.job_ad import Job

_LOG = logging.getLogger(__name__)
#: What HTCondor makes in the job's folder for each login, and removes when it has ended.
_FOLDERS = ".condor_ssh_to_job_*"
#: Seconds for it all, and the shares of them until our own commands have told that the session has ended, and until a
#: program has heeded SIGHUP.
_LONGEST, _TOLD, _HEEDED = 5.0, 0.3, 0.6
_LOOK = 0.1
LOGIN_LEFT = (
    "When the session ended, somebody was logged in to the job with condor_ssh_to_job: HTCondor keeps a job on its "
    "machine until such a login ends."
)


def end_logins(job: Job | None, environ: Mapping[str, str], seconds: float) -> bool:
    """End the programs of all logins into this job; return whether HTCondor has noticed within `seconds`.

    Programs get SIGHUP first, as when a connection breaks, and time to put in order what isn't saved. What started
    another gets it later, so that it may say how that ended: HTCondor doesn't always see the end of a login.
    """
    scratch = environ.get("_CONDOR_SCRATCH_DIR")
    if job is None or not scratch or job.attributes.get("interactivejob") is True:  # then the session itself is in one
        return True
    seconds = min(seconds, _LONGEST)
    began = time.monotonic()
    warned: set[ProcessId] = set()
    alone: set[ProcessId] = set()  # those that had no children
    while True:
        elapsed = time.monotonic() - began
        is_open = any(Path(scratch).glob(_FOLDERS))
        table = {process.pid: process for process in procfs.read_processes()} if is_open or warned else {}
        is_leaving = any(process.id in warned for process in table.values())
        if not is_open and not (is_leaving and elapsed < _HEEDED * seconds):
            return True
        for login in find_logins(table, os.getpid()) if is_open else ():
            is_ours = any(programs.split_name(process.argv)[-1] == "jupyter-session" for process in login)
            for process in login:
                is_due = elapsed >= _TOLD * seconds or (process.id in alone and not is_ours)
                if elapsed >= _HEEDED * seconds:
                    _signal(process, signal.SIGKILL)
                elif is_due and process.id not in warned and not _carries(process):
                    _signal(process, signal.SIGHUP)
                    warned.add(process.id)
            parents = {process.parent for process in login}
            alone.update(process.id for process in login if process.pid not in parents)
        if elapsed >= seconds:
            return False
        time.sleep(_LOOK)


def find_logins(table: Mapping[int, Process], own: int) -> list[list[Process]]:
    """Return the processes of each login, by `table` of all processes that the process of ID `own` sees.

    In a container with process IDs of its own, HTCondor's processes aren't seen, and those of logins have no parent.
    Elsewhere they descend, as this process does, from the job's condor_starter: from its sshd and condor_nsenter.
    """
    ancestors = [own]
    while (parent := table[ancestors[-1]].parent if ancestors[-1] in table else 0) and parent not in ancestors:
        ancestors.append(parent)
    starter = next((pid for pid in ancestors if pid in table and table[pid].name == "condor_starter"), 0)
    below = ancestors[: ancestors.index(starter)] if starter else ancestors
    is_in_login = 1 not in ancestors or any(_is_login(table[pid]) for pid in below if pid in table)
    if own not in table or is_in_login:
        return []
    mine = [process for process in table.values() if process.uid == table[own].uid and process.pid not in (1, *below)]
    roots = [process for process in mine if process.parent == starter and (not starter or _is_login(process))]
    return [_descend(root, mine) for root in roots]


def _carries(process: Process) -> bool:
    """Return whether this only connects a program with its user: HTCondor would end the program with it, at once."""
    return _is_login(process) or process.name.startswith("condor_docker_e")


def _is_login(process: Process) -> bool:
    return process.name.startswith(("sshd", "condor_nsenter"))


def _descend(root: Process, processes: Iterable[Process]) -> list[Process]:
    """Return a process with all that descend from it."""
    found, grown = {root.pid: root}, True
    while grown:
        more = {process.pid: process for process in processes if process.parent in found and process.pid not in found}
        found.update(more)
        grown = bool(more)
    return list(found.values())


def _signal(process: Process, number: signal.Signals) -> None:
    try:
        os.kill(process.pid, number)
        os.kill(process.pid, signal.SIGCONT)  # one that is stopped would never hear of it
    except OSError as error:
        _LOG.debug("process %d can't be signaled: %s", process.pid, error)
