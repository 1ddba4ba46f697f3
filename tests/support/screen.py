"""A terminal of a person's on a host of the pool, with a command in it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

from support.waiting import wait_for
from testbed.pool.pool import Pool


class Screen:
    """A tmux on a host of the pool shows it, and is no part of what is tested; `size` is columns x rows."""

    def __init__(
        self, pool: Pool, host: str, user: str, command: str, size: str = "100x30", cwd: str | None = None
    ) -> None:
        self._pool, self._host, self._user, self._cwd = pool, host, user, cwd
        self._name = f"terminal-{secrets.token_hex(4)}"
        width, height = size.split("x")
        self._tmux("new-session", "-d", "-x", width, "-y", height, command)

    def _tmux(self, *words: str) -> str:
        argv = ["tmux", "-L", self._name, "-f", "/dev/null", *words]
        return self._pool.exec(self._host, argv, user=self._user, cwd=self._cwd).stdout

    def text(self) -> str:
        """Return what it shows."""
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self._tmux("send-keys", *keys)

    def type(self, line: str) -> None:
        """Type a line."""
        self._tmux("send-keys", "-l", line, ";", "send-keys", "Enter")

    def wait(self, text: str, seconds: float = 30) -> None:
        """Wait until it shows a text."""
        wait_for(lambda: text in self.text(), seconds, lambda: f"{text!r}; the terminal shows:\n{self.text()}")

    def resize(self, width: int, height: int) -> None:
        """Change its size."""
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def has_ended(self) -> bool:
        """Return whether its command has ended."""
        return not self._tmux("list-sessions")

    def close(self) -> None:
        """End it."""
        self._tmux("kill-server")


@contextlib.contextmanager
def screen(
    pool: Pool, host: str, user: str, command: str, size: str = "100x30", cwd: str | None = None
) -> Iterator[Screen]:
    """Open a terminal for the duration of the block."""
    opened = Screen(pool, host, user, command, size, cwd)
    try:
        yield opened
    finally:
        opened.close()
