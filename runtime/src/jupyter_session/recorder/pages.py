"""The pages that are connected to one kernel, and the channels of those that aren't."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol

from jupyter_session.recorder.backlog import Parts
from jupyter_session.recorder.subscription import Cause

_LOG = logging.getLogger(__name__)
#: Channels by which a kernel answers the page that asked, and no other.
ANSWERS = ("shell", "stdin")


class Page(Protocol):
    """A browser's connection to a kernel."""

    def send(self, channel: str, parts: Parts) -> None:
        """Send a message as if it were the kernel's. No error leaves it."""

    def retire(self) -> None:
        """Leave the kernel to a newer connection of the same session."""

    def relay(self, cause: Cause, parts: Parts) -> None:
        """Send what the recorder heard, if the page doesn't hear it by itself."""


class Pages:
    """The newest connection of each browser's session."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}
        self._able: set[str] = set()

    def join(self, asker: str, page: Page) -> None:
        """Note that a page of a browser's session is connected, in place of an older one."""
        self._pages[asker] = page

    def retire(self, asker: str) -> None:
        """Have a page of a session that is connected anew leave the kernel."""
        if asker in self._pages:
            self._pages[asker].retire()

    def leave(self, asker: str, page: Page) -> None:
        """Note that it isn't any longer."""
        if self._pages.get(asker) is page:
            del self._pages[asker]

    def note_able(self, asker: str) -> None:
        """Note that the pages of a browser's session ask for what they missed."""
        self._able.add(asker)

    def is_able(self, asker: str) -> bool:
        """Return whether they do."""
        return asker in self._able

    def send(self, askers: Iterable[str], channel: str, parts: Parts, but: Page | None = None) -> None:
        """Send a message to the pages of some sessions, but not to the one that has it from the kernel."""
        for asker in askers:
            page = self._pages.get(asker)
            if page is not None and page is not but:
                page.send(channel, parts)

    def relay(self, cause: Cause, parts: Parts) -> None:
        """Have all pages take what the recorder heard, if they don't hear it by themselves."""
        for page in list(self._pages.values()):
            page.relay(cause, parts)


class AbsentChannels:
    """The channels of browsers' sessions that have gone while a cell of theirs runs: its kernel still answers there.

    `note` is called with each answer's frames. ZeroMQ lets the session itself take its channels back.
    """

    def __init__(self, note: Callable[[list[bytes]], None]) -> None:
        self._note = note
        self._streams: dict[str, list[Any]] = {}

    def keep(self, kernel: Any, askers: Collection[str]) -> None:
        """Have channels for these sessions, and for no other. `kernel` is jupyter_server's manager of the kernel."""
        for asker in [asker for asker in self._streams if asker not in askers]:
            self.drop(asker)
        for asker in askers:
            if asker not in self._streams:
                self._streams[asker] = [self._open(kernel, channel, asker) for channel in ANSWERS]

    def drop(self, asker: str) -> None:
        """Close the channels of a session: it is back, or nothing of it runs."""
        for stream in self._streams.pop(asker, ()):
            if not stream.closed():
                stream.close(linger=0)

    def close(self) -> None:
        """Close all."""
        for asker in list(self._streams):
            self.drop(asker)

    def _open(self, kernel: Any, channel: str, asker: str) -> Any:
        stream = getattr(kernel, f"connect_{channel}")(identity=asker.encode())

        def take(frames: list[bytes]) -> None:
            try:
                self._note(frames)
            except Exception:  # noqa: BLE001 - a message that isn't correct
                _LOG.warning("An answer of a kernel is not recorded.", exc_info=True)

        stream.on_recv(take)
        return stream
