"""The contract with the outside: job attributes, events, the lines to paste, the owner's connection file."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from jupyter_session import __version__

#: Bytes of a reason. A line of the chirp protocol holds 5120, with every space and backslash doubled.
MAX_REASON = 1000


class State(str, Enum):
    """The states of a session, as `JupyterState` shows them."""

    STARTING = "starting"
    READY = "ready"
    EXPIRING = "expiring"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class End(str, Enum):
    """How a session ended, as `JupyterEnd` shows it."""

    IDLE = "idle"
    DEADLINE = "deadline"
    USER = "user"
    SIGNAL = "signal"
    FAILED = "failed"


@dataclass(frozen=True)
class Ending:
    """How and why a session is to end; `reason` is one sentence."""

    how: End
    reason: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """How a session used its slot.

    `idle_seconds` are those in which nothing worked, of all starts of the job; `deadline` is the epoch second at which
    it ends whatever works in it, or None.
    """

    idle_seconds: int
    deadline: int | None


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How to reach the server of a session. `token` is the only secret in it; `host_key` is a public key."""

    port: int
    host: str
    token: str
    job: str | None
    access_point: str | None
    socket_name: str
    host_key: str | None = None

    @property
    def url(self) -> str:
        """The address without the token: public."""
        return f"http://127.0.0.1:{self.port}/lab"

    @property
    def secret_url(self) -> str:
        """The address with the token: the owner's."""
        return f"{self.url}?token={self.token}"

    @property
    def connect_line(self) -> str | None:
        """One line for the laptop's shell (bash, zsh, fish): opens the tunnel and prints the secret address.

        It is ssh to the access point with the laptop's port forwarded to a Unix socket in a 0700 folder there, and on
        it condor_ssh_to_job with that socket forwarded to the job's port: no TCP port on the access point. The inner
        command, `wait`, ends with the session, so that no open tunnel keeps the slot. When the laptop goes, `c` ends
        what runs on the access point and removes the folder, with the key that condor_ssh_to_job keeps in it.

        The last line of `wait` ends it all, too: once another condor_ssh_to_job has come into the same container,
        HTCondor does not notice the end of the first (25.14, OsProc::SingEnterReaper), which would keep the slot.

        The access point may learn late that a connection is dead, after the line has been pasted again. So each login
        makes the folder anew, goes into it, and removes what lies where it is: never what a later one has put there.

        Single quotes hold what the laptop's shell must not touch, and double quotes what another login shell on the
        access point could read differently: there is no `$` in it.
        """
        if self.job is None or self.access_point is None:
            return None
        folder = f"/tmp/jupyter-{self.job}-{self.socket_name}"  # noqa: S108 - made 0700 by us, or refused by mkdir
        options = ("StreamLocalBindUnlink=yes", "ExitOnForwardFailure=yes", "ServerAliveInterval=15")
        words = ["ssh", *(word for option in options for word in ("-o", option))]
        inner = "\\ ".join([*words, "-L", f"{folder}/lab:127.0.0.1:{self.port}"])
        script = (
            f"rm -rf {folder}; mkdir -m 700 {folder} && cd {folder} && >lab || exit 1; "
            f"c() {{ trap : 15; rm -rf ./*; rmdir {folder} 2>/dev/null; kill 0; }}; trap c 0 1 2 15; "
            f"unset SSH_AUTH_SOCK; TMP={folder} "
            f"condor_ssh_to_job -auto-retry -ssh {inner} {self.job} jupyter-session wait {self.port} | "
            f"{{ sed -u -e /^stopped:/q -e /^failed:/q; kill 0; }} & wait"
        )
        return (
            "ssh -t -o ExitOnForwardFailure=yes -o ServerAliveInterval=15 "
            f"-L 127.0.0.1:{self.port}:{folder}/lab {self.access_point} 'exec sh -c \"{script}\"'"
        )

    @property
    def attach_line(self) -> str | None:
        """One line for a shell on the access point that lands in the session's tmux."""
        if self.job is None:
            return None
        return f'condor_ssh_to_job -auto-retry -ssh "ssh -t" {self.job} jupyter-session attach'

    @property
    def file_name(self) -> str | None:
        """The name of the owner's connection file, beside the submit file."""
        return connection_file(self.job) if self.job else None

    def as_json(self) -> str:
        """Return the owner's connection file: everything, the token included."""
        return json.dumps(
            {
                "version": __version__,
                "job": self.job,
                "url": self.secret_url,
                "token": self.token,
                "port": self.port,
                "host": self.host,
                "connect": self.connect_line,
                "attach": self.attach_line,
            },
            indent=2,
        )


def connection_file(job_id: str) -> str:
    """Return the name of a job's connection file, beside the submit file."""
    return f"jupyter-{job_id}.json"


def new_socket_name() -> str:
    """Return a name that a neighbour on the access point can't guess before it is published."""
    return secrets.token_hex(5)


def one_line(sentence: str) -> str:
    """Fit a sentence into an attribute: one line, printable, at most MAX_REASON bytes."""
    line = " ".join("".join(c if c.isprintable() else " " for c in sentence).split())
    if len(line.encode()) <= MAX_REASON:
        return line
    return line.encode()[: MAX_REASON - 3].decode(errors="ignore") + "…"


def attributes(
    state: State,
    reason: str,
    stop_at: int | None,
    connection: Connection | None,
    *,
    end: End | None = None,
    account: Account | None = None,
) -> dict[str, str | int | None]:
    """Return the job attributes of a state, in the order to set them: `JupyterState` last. None means undefined."""
    values: dict[str, str | int | None] = {"JupyterVersion": __version__}
    if connection is not None:
        values |= {
            "JupyterURL": connection.url,
            "JupyterPort": connection.port,
            "JupyterHost": connection.host,
            "JupyterConnect": connection.connect_line,
            "JupyterAttach": connection.attach_line,
            "JupyterHostKey": connection.host_key,
        }
    if account is not None:
        values |= {"JupyterIdleSeconds": account.idle_seconds, "JupyterDeadline": account.deadline}
    return values | {
        "JupyterEnd": end.value if end else None,
        "JupyterStopAt": stop_at,
        "JupyterReason": one_line(reason),
        "JupyterState": state.value,
    }


def render_event(values: Mapping[str, str | int | None]) -> str:
    """Return the text of the job event that announces `values`: one line of JSON, nothing secret."""
    fields = {
        "state": values["JupyterState"],
        "reason": values["JupyterReason"],
        "url": values.get("JupyterURL"),
        "stop_at": values["JupyterStopAt"],
    }
    return _event({name: value for name, value in fields.items() if value is not None})


def render_warning(sentence: str) -> str:
    """Return the text of the job event that carries a warning: one line of JSON, nothing secret."""
    return _event({"warning": one_line(sentence)})


def _event(fields: Mapping[str, str | int | None]) -> str:
    return "jupyter-session " + json.dumps(fields, ensure_ascii=False)
