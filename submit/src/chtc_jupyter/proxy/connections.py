"""The bounds on how many connections the local port has at once."""

from __future__ import annotations

import asyncio

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

#: Most connections in all, and of those that haven't proved anything yet.
_MOST, _MOST_UNKNOWN = 400, 64
#: File descriptors that the launcher needs otherwise, and that a connection takes: the browser's and JupyterLab's.
_OTHERS, _EACH = 96, 2


class Connections:
    """The tasks that serve connections. The oldest that has proved nothing makes room for a new one."""

    def __init__(self, most: int | None = None, most_unknown: int = _MOST_UNKNOWN) -> None:
        self._most = compute_most() if most is None else most
        self._most_unknown = min(most_unknown, self._most)
        self._unknown: dict[asyncio.Task[None], None] = {}
        self._known: set[asyncio.Task[None]] = set()

    def admit(self, task: asyncio.Task[None]) -> bool:
        """Take a new connection, which has proved nothing; return False if there is no room for it."""
        while self._unknown and (len(self._unknown) >= self._most_unknown or len(self) >= self._most):
            oldest = next(iter(self._unknown))
            del self._unknown[oldest]
            oldest.cancel()
        if len(self) >= self._most:
            return False
        self._unknown[task] = None
        return True

    def trust(self, task: asyncio.Task[None]) -> None:
        """Note that who has a connection has proved to be the user: it makes room for nobody."""
        self._unknown.pop(task, None)
        self._known.add(task)

    def discard(self, task: asyncio.Task[None]) -> None:
        """Forget a connection that has ended."""
        self._unknown.pop(task, None)
        self._known.discard(task)

    def cancel_all(self) -> list[asyncio.Task[None]]:
        """End all connections; return their tasks."""
        tasks = [*self._unknown, *self._known]
        for task in tasks:
            task.cancel()
        return tasks

    def __len__(self) -> int:
        return len(self._unknown) + len(self._known)


def compute_most() -> int:
    """Return how many connections the limit on open files allows."""
    if resource is None:
        return _MOST
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed == resource.RLIM_INFINITY:
        return _MOST
    return max(16, min(_MOST, (allowed - _OTHERS) // _EACH))
