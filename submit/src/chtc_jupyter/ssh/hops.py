"""The ssh of the hosts on the way (ProxyJump, or a ProxyCommand that runs ssh), made to obey and to be heard.

BatchMode and ConnectTimeout on ssh's command line don't reach the ssh that a ProxyJump starts. But ssh starts its hops
by its own argv[0], and a ProxyCommand finds `ssh` in PATH: both lead to a program of ours, which adds options.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from chtc_jupyter.ssh import openssh

_log = logging.getLogger(__name__)
#: ssh puts its argv[0] into a shell's command unquoted.
_PLAIN = re.compile(r"[\w./+-]+", re.ASCII)
#: Seconds for a hop behind another one, at which a person may be logging in.
_PERSON = 300

# The options come first, since ssh takes the first value that it gets. With a person at hand, a hop that is itself
# behind another one gets the time that a person needs.
_PROGRAM = """\
import os, subprocess, sys
words = sys.argv[1:]
while words and words[0] == "-q":
    del words[0]
patience = {patience}
if not {batch}:
    asked = subprocess.run([{ssh!r}, "-G", *words], stdin=subprocess.DEVNULL, capture_output=True).stdout
    lines = asked.decode(errors="replace").splitlines()
    if [line for line in lines if line.startswith(("proxyjump ", "proxycommand ")) and not line.endswith(" none")]:
        patience = {person}
os.execv({ssh!r}, [{name!r}, *{options!r}, "-o", f"ConnectTimeout={{patience}}", *words])
"""


class Hops:
    """A folder with a program `ssh` in it, and what that program's ssh has logged. Not on Windows."""

    def __init__(self, *, batch: bool, patience: int, alone: bool) -> None:
        """With `batch`, no hop asks for anything; with `alone`, none shares a connection that is there."""
        self.argv0 = "ssh"
        self.environment: dict[str, str] | None = None
        self._folder: Path | None = None
        ssh = shutil.which("ssh")
        if os.name != "posix" or not ssh:
            return
        for place in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), Path.home()):
            try:
                self._folder = Path(tempfile.mkdtemp(prefix=".chtc-jupyter-", dir=place or os.devnull))
                program = self._folder / "ssh"
                program.write_text(self._render(ssh, program, batch=batch, patience=patience, alone=alone))
                program.chmod(0o700)
            except OSError as error:
                _log.debug("no program for the hops in %s: %s", place, error)
                self.close()
                continue
            if _PLAIN.fullmatch(str(program)) and os.access(program, os.X_OK):  # not where noexec is in effect
                self.argv0 = str(program)
                path = os.environ.get("PATH", os.defpath)
                self.environment = {**os.environ, "PATH": f"{self._folder}{os.pathsep}{path}"}
                return
            self.close()

    def _render(self, ssh: str, program: Path, *, batch: bool, patience: int, alone: bool) -> str:
        silences = openssh.count_silences(batch=batch)
        options = ["LogLevel=VERBOSE", "ServerAliveInterval=5", f"ServerAliveCountMax={silences}"]
        options += ["BatchMode=yes"] if batch else []
        options += ["ControlPath=none"] if alone else []
        words = [word for option in options for word in ("-o", option)]
        text = _PROGRAM.format(
            patience=patience,
            batch=batch,
            person=_PERSON,
            ssh=ssh,
            name=str(program),
            options=["-E", str(program.with_name("log")), *words],
        )
        return f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -IS -c {shlex.quote(text)} "$@"\n'

    def read_log(self) -> str:
        """Return what the hops have logged."""
        try:
            return (self._folder / "log").read_text(errors="replace") if self._folder else ""
        except OSError:
            return ""

    def close(self) -> None:
        """Remove the folder."""
        if self._folder:
            with contextlib.suppress(OSError):
                shutil.rmtree(self._folder)
            self._folder = None
