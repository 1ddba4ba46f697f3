"""The `JupyterConnect` line, pasted into a shell on the laptop."""

from __future__ import annotations

import os
import re
import select
import subprocess

from support.waiting import patience, wait_for
from testbed.pool.pool import Pool, kill_tree

URL = re.compile(r"http://127\.0\.0\.1:(\d+)/lab\?token=([\w-]+)")


class Tunnel:
    """A shell of the user that runs the line."""

    def __init__(self, pool: Pool, user: str, line: str, shell: str = "bash") -> None:
        self.process = pool.popen(
            "laptop", [shell, "-c", line], user=user, tty=True, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        self.output = ""

    def url(self, seconds: float = 60) -> str:
        """Wait for the address that it prints, the token in it."""

        def look() -> re.Match[str] | None:
            self.read()
            return URL.search(self.output)

        found = wait_for(look, seconds, lambda: f"the tunnel's URL; it printed {self.output!r}", every=0.1)
        assert found
        return found[0]

    def read(self) -> str:
        """Return all that it has printed so far."""
        out = self.process.stdout
        assert out
        while select.select([out], [], [], 0)[0] and (part := os.read(out.fileno(), 65536)):
            self.output += part.decode(errors="replace")
        return self.output

    def wait_end(self, seconds: float) -> str:
        """Wait until it ends by itself; return all that it printed."""
        self.output += self.process.communicate(timeout=seconds * patience())[0]
        return self.output

    def close(self) -> None:
        """Kill what runs on the laptop."""
        kill_tree(self.process.pid)
        self.process.communicate(timeout=10 * patience())
        if self.process.stdout:
            self.process.stdout.close()
