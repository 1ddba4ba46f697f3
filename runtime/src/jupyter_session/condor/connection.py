"""How a person reaches a session: addresses, lines to paste, and the owner's connection file."""

from __future__ import annotations

import functools
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_session import __version__


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How to reach the server of a session. `token` is the only secret in it; `host_key` is a public key."""

    port: int
    host: str
    token: str = field(repr=False)  # nor in a log that shows a Connection
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
        """The address with the token: for the owner only."""
        return f"{self.url}?token={self.token}"

    @property
    def connect_line(self) -> str | None:
        """One line for the laptop's shell (bash, zsh, or fish) that opens the tunnel and prints the secret address.

        It runs ssh to the access point, with the laptop's port forwarded to a Unix socket in a 0700 folder there, and
        on the access point `connect.sh`, which forwards that socket to the job's port: no TCP port on the access point.

        Single quotes protect the script from the laptop's shell, and double quotes from the login shell on the access
        point; it has no character that a shell reads in its own way.
        """
        if self.job is None or self.access_point is None:
            return None
        folder = f"/tmp/jupyter-{self.job}-{self.socket_name}"  # noqa: S108 - made 0700 by us, or refused by mkdir
        options = ("StreamLocalBindUnlink=yes", "ExitOnForwardFailure=yes", "ServerAliveInterval=15")
        ssh = ["ssh", *(word for option in options for word in ("-o", option))]
        inner = "\\ ".join([*ssh, "-L", f"{folder}/lab:127.0.0.1:{self.port}"])
        script = fold_script(
            _read_connect_script(), {"folder": folder, "ssh": inner, "job": self.job, "port": str(self.port)}
        )
        return (
            "ssh -t -o ExitOnForwardFailure=yes -o ServerAliveInterval=15 "
            f"-L 127.0.0.1:{self.port}:{folder}/lab {self.access_point} 'exec sh -c \"{script}\"'"
        )

    @property
    def attach_line(self) -> str | None:
        """One line for a shell on the access point that attaches to the session's tmux."""
        if self.job is None:
            return None
        return f'condor_ssh_to_job -auto-retry -ssh "ssh -t" {self.job} jupyter-session attach'

    @property
    def file_name(self) -> str | None:
        """The name of the owner's connection file, beside the submit file."""
        return name_connection_file(self.job) if self.job else None

    def as_json(self) -> str:
        """Return the owner's connection file: everything, including the token."""
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


def name_connection_file(job_id: str) -> str:
    """Return the name of a job's connection file, beside the submit file."""
    return f"jupyter-{job_id}.json"


def generate_socket_name() -> str:
    """Return a name that other users of the access point can't guess before it is published."""
    return secrets.token_hex(5)


def fold_script(text: str, values: Mapping[str, str]) -> str:
    r"""Fold a shell script of simple lines into one line, without comments, and replace each `@name@` by its value.

    >>> fold_script("# for all\nf() {\n    ls @dir@\n}\nf &\nwait\n", {"dir": "/tmp"})
    'f() { ls /tmp; }; f & wait'
    """
    folded = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        goes_on = not folded or folded.endswith(("{", "&", "|"))
        folded += (" " if folded and goes_on else "" if not folded else "; ") + line
    return re.sub(r"@(\w+)@", lambda found: values[found[1]], folded)


@functools.cache
def _read_connect_script() -> str:
    return Path(__file__).with_name("connect.sh").read_text()
