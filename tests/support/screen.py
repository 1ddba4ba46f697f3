"""A terminal of a person's on a host of the pool, with a command in it."""

import contextlib
import secrets

from support.session import wait_for


class Screen:
    """A tmux on the host `host` of the pool shows it, and is no part of what is tested."""

    def __init__(self, pool, host, user, command, size="100x30", cwd=None):
        self._pool, self._host, self._user, self._cwd = pool, host, user, cwd
        self._name = f"terminal-{secrets.token_hex(4)}"
        width, height = size.split("x")
        self._tmux("new-session", "-d", "-x", width, "-y", height, command)

    def _tmux(self, *words):
        argv = ["tmux", "-L", self._name, "-f", "/dev/null", *words]
        return self._pool.exec(self._host, argv, user=self._user, cwd=self._cwd).stdout

    def text(self):
        return self._tmux("capture-pane", "-p")

    def press(self, *keys):
        self._tmux("send-keys", *keys)

    def type(self, line):
        self._tmux("send-keys", "-l", line)
        self.press("Enter")

    def wait(self, text, seconds=30):
        try:
            wait_for(lambda: text in self.text(), seconds, repr(text))
        except AssertionError as error:
            raise AssertionError(f"{error}; the terminal shows:\n{self.text()}") from None

    def resize(self, width, height):
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def has_ended(self):
        return not self._tmux("list-sessions")

    def close(self):
        self._tmux("kill-server")


@contextlib.contextmanager
def screen(*words, **options):
    opened = Screen(*words, **options)
    try:
        yield opened
    finally:
        opened.close()
