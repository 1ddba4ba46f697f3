"""How a person reaches a session: addresses, lines to paste, and the owner's connection file."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_session import __version__

#: What the machine's shell says where into_session.sh has found no way.
_NOBODY = "[ $1 ] || exec echo failed: nobody can enter this job, not even its owner"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How to reach the server of a session. `token` is the only secret in it; `host_key` is a public key.

    With `outside`, the commands of condor_ssh_to_job run on the machine, and not in the container.
    """

    port: int
    host: str
    token: str = field(repr=False)  # nor in a log that shows a Connection
    job: str | None
    access_point: str | None
    host_key: str | None = None
    outside: bool = False

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
        """One line for the laptop's shell (bash, zsh, or fish) that opens the tunnel and prints the secret address."""
        if self.job is None or self.access_point is None:
            return None
        return render_connect_line(self.access_point, self.job, self.port)

    @property
    def attach_line(self) -> str | None:
        """One line for a shell on the access point that attaches to the session's tmux."""
        if self.job is None:
            return None
        inside = "jupyter-session attach"
        if self.outside:
            inside = _quote(f"{fold_script(_read_script('into_session.sh'))}; {_NOBODY}; exec $* attach")
        return f'condor_ssh_to_job -auto-retry -ssh "ssh -t" {self.job} {inside}'

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


def render_connect_line(access_point: str, job: str, port: int | None = None) -> str:
    """Return one line for the laptop's shell (bash, zsh, or fish) that opens the tunnel and prints the secret address.

    It runs `connect_laptop.sh` on the laptop: ssh to the access point, with a port of the laptop forwarded to a Unix
    socket in a 0700 folder there. On the access point, `connect.sh` forwards that socket to the job's port: no TCP port
    on the access point. Both are in single quotes, in which no shell reads a character in its own way.

    Without a `port`, the line asks the access point for it, so that it is the same for all jobs up to their number.
    """
    laptop, ap, find, ask, into = (
        fold_script(_read_script(f"{name}.sh"))
        for name in ("connect_laptop", "connect", "find_condor", "ask_port", "into_session")
    )
    ap = ap.replace("FIND_CONDOR", find).replace("ASK_PORT; ", "" if port else f"{ask}; ")
    ap = ap.replace("INTO_SESSION", into.replace("$", "${q}"))
    words = [access_point, job, *([str(port)] if port else [])]
    return " ".join(["sh -c", _quote(laptop), _quote(f"exec sh -c {_quote(ap)}"), *words])


def _quote(text: str) -> str:
    """Quote for any shell: unlike in shlex.quote, there is no double quote in it, which chirp would escape."""
    return "'" + text.replace("'", "'\\''") + "'"


def fold_script(text: str) -> str:
    r"""Fold a shell script of simple lines into one line, without comments.

    >>> fold_script("# for all\nf() {\n    ls /tmp\n}\nf &\nwait\n")
    'f() { ls /tmp; }; f & wait'
    """
    folded = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        goes_on = not folded or folded.endswith(("{", "&", "|", "; do"))
        folded += (" " if folded and goes_on else "" if not folded else "; ") + line
    return folded


@functools.cache
def _read_script(name: str) -> str:
    return Path(__file__).with_name(name).read_text()
