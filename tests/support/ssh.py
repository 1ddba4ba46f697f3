"""A person's `ssh jupyter-JOB` on the laptop: plain OpenSSH, and submit/ssh_config set up as docs/ssh.md says."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import Any

from support.hosts import background
from support.screen import screen
from support.session import Session
from support.waiting import wait_for
from testbed.artifacts import ssh_template


class SecureShell:
    """`ssh` of one user at the laptop, into one session."""

    def __init__(self, session: Session, user: str = "alice", job: str = "") -> None:
        self.session, self.pool, self.user = session, session.pool, user
        self.host = f"jupyter-{job or session.job}"
        ssh_template.set_up(self.pool, user)

    def run(self, *argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command on the laptop: any that uses ssh."""
        return self.pool.exec("laptop", argv, user=self.user, **{"timeout": 120, **options})

    def call(self, *remote: str, options: tuple[str, ...] = (), **more: Any) -> subprocess.CompletedProcess[str]:
        """`ssh jupyter-JOB COMMAND`."""
        return self.run("ssh", *options, self.host, shlex.join(remote), **more)

    def out(self, *remote: str, **options: Any) -> str:
        """Return what a command in the job printed; it must succeed."""
        done = self.call(*remote, **options)
        assert done.returncode == 0, done
        return done.stdout

    def background(self, *words: str, **options: Any) -> Any:
        """Run `ssh WORDS` for as long as the block."""
        return background(self.pool, "laptop", ["ssh", *words], self.user, **options)

    def screen(self, *words: str, size: str = "100x30") -> Any:
        """Open a terminal on the laptop with `ssh WORDS` in it."""
        return screen(self.pool, "laptop", self.user, shlex.join(["ssh", *words]), size)

    def enterable(self) -> SecureShell:
        """Wait until the session is ready and HTCondor lets people in."""
        self.session.ready(120)
        done = self.call("true")
        assert done.returncode == 0, done
        return self

    def left_on_ap(self) -> str:
        """Return what of connections into this job is on the access point: processes and folders."""
        pattern = f"jupyter-{re.escape(self.session.job)}[ -]| {re.escape(self.session.job)} set -- jupyter-session"
        processes = self.pool.exec("ap", ["pgrep", "-u", self.user, "-af", pattern]).stdout
        folders = ["find", "/tmp", "-maxdepth", "1", "-name", f"jupyter-{self.session.job}-*"]
        return processes + self.pool.exec("ap", folders).stdout

    def wait_nothing_left(self, seconds: float = 60) -> None:
        """Wait until no connection into this job has left anything on the access point."""
        wait_for(lambda: not self.left_on_ap(), seconds, lambda: f"the access point to be clean: {self.left_on_ap()}")


def own_lines(stderr: str) -> list[str]:
    """Return what `ssh` printed on standard error, without HTCondor's own warning about a cgroup in this pool."""
    return [line for line in stderr.splitlines() if "cannot move into job cgroup" not in line]
