"""Build the commands that reach into a job from the access point, by condor_ssh_to_job."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chtc_jupyter.ssh import entry

URL = re.compile(r"http://127\.0\.0\.1:(\d+)/lab\?token=([A-Za-z0-9_-]+)")
#: What `wait` prints of a session after its address.
STATE = re.compile(r"(starting|ready|expiring|stopping|stopped|failed): (.*)")
_POLICY = re.compile(r"not authorized|enable_ssh_to_job|ssh_to_job is disabled", re.IGNORECASE)
_OPTIONS = (
    "StreamLocalBindUnlink=yes",
    "ExitOnForwardFailure=yes",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
)


_NOWHERE = (
    "jupyter-session is not found: the job is not a session, or its machine has an HTCondor older than 24.0.20 or "
    "25.0.10 and an Apptainer that is setuid, and lets nobody into the job"
)
_INTO = f"{entry.INTO_SESSION}; [ $1 ] || {{ echo {_NOWHERE} >&2; exit 1; }};"


def find_closed_door(said: str) -> str:
    """Return that nobody can enter the container, if what condor_ssh_to_job printed is that; empty otherwise."""
    return _NOWHERE if _NOWHERE in said else ""


#: Receives the connection from condor_ssh_to_job, whose socket is the last argument, and passes it on to ssh.
_HAND_OVER = (
    "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[-1]); "
    "socket.send_fds(socket.socket(fileno=1), [bytes(1)], socket.recv_fds(s, 1, 1)[1])"
)
#: HTCondor's own way instead would be a process (`%x`) that copies all bytes.
_DIRECTLY = f"-o ProxyUseFdpass=yes -o 'ProxyCommand=%s -IS -c \"{_HAND_OVER}\" %%x'"
#: What condor_ssh_to_job says if it can't get in yet.
_NOT_YET = "-auto-retry"


def build_tunnel_command(job: str, port: int, folder: str, *, python: str = "") -> list[str]:
    """Return the agent's command for a tunnel from the socket `lab` in its folder to the server's port in the job.

    condor_ssh_to_job splits what follows `-ssh` at spaces that aren't within single quotes, and adds HTCondor's own
    options after ours. With `python`, the access point's, ssh has the connection itself. `wait` prints the address with
    its token, and ends with the session.
    """
    options = " ".join(f"-o {option}" for option in _OPTIONS)
    options += f" {_DIRECTLY % python}" if python else ""
    inner = f"ssh {options} -L {folder}/lab:127.0.0.1:{port}"
    return ["condor_ssh_to_job", "-ssh", inner, job, f"{_INTO} exec $* wait {port}"]


#: The first line of a command in the job: it has been let in.
ENTERED = "jupyter-session: entered"
#: The last line of a command in the job, by how it ended: HTCondor loses its exit status, and does not notice its end
#: if another command has entered the container meanwhile (25.14, OsProc::SingEnterReaper).
DONE, FAILED = "jupyter-session: done", "jupyter-session: failed"


def build_inside_command(job: str, argv: Sequence[str]) -> list[str]:
    """Return the command that runs a verb of jupyter-session in the job, and prints when it begins and how it ended.

    `argv` must not need quotes. -auto-retry is for the seconds after a job's start in which nobody can log in.
    """
    return [
        "condor_ssh_to_job",
        "-auto-retry",
        job,
        f"echo {ENTERED}; ( {_INTO} exec $* {' '.join(argv)} ) 2>&1 && echo {DONE} || echo {FAILED}",
    ]


def get_retry_delay(attempt: int) -> float:
    """Return the seconds before the next attempt.

    For some seconds after a job's start nobody can log in: the startd must first hear from its starter.
    """
    return 0.3 if attempt < 60 else min(10.0, 0.3 * 1.2 ** (attempt - 60))


def is_not_yet(said: str) -> bool:
    """Return whether condor_ssh_to_job can't get in yet: nothing is known of the way that ssh takes, then."""
    return _NOT_YET in said


def find_policy_refusal(said: str) -> str:
    """Return the line that refuses the login by the pool's policy, so that a retry would not help; empty otherwise."""
    lines = [line.strip().rstrip(".") for line in said.splitlines()]
    return next((line for line in lines if _POLICY.search(line)), "")
