"""Requests to Jupyter that show a person at work.

An open tab makes requests without anyone there: every ten seconds it lists kernels, sessions, terminals, and files, and
writes its layout (PUT /lab/api/workspaces); extensions poll by POST. What counts here needs a person: opening the page
or a document, saving, creating, running, renaming, deleting, or changing a setting.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

#: Copies and what is fetched.
_OWN = ("/jupyter-session/copy/", "/jupyter-session/fetch")
#: A stretch of a file that is copied out of the session.
_DATA = "/jupyter-session/copy/data"


class PersonRequests:
    """Remembers the last request that needed a person: `at` (epoch seconds, None: never) and `what` it was."""

    def __init__(self, base: str) -> None:
        self.at: float | None = None
        self.what: str | None = None
        self._base = base

    def note_request(self, method: str, uri: str, now: float) -> None:
        """Note a request that succeeded."""
        if needs_a_person(method, uri, self._base):
            self.at, self.what = now, f"{method} {urlsplit(uri).path}"


def needs_a_person(method: str, uri: str, base: str = "/") -> bool:
    """Return whether a successful request shows a person at work, from its method and its URI below `base`."""
    parts = urlsplit(uri)
    path = "/" + parts.path.removeprefix(base).lstrip("/")
    if method not in ("GET", "HEAD", "OPTIONS"):
        clicked = ("/api/", "/lab/api/settings", "/jupyter-session/extend", *_OWN)
        return path.startswith(clicked) and path != "/api/shutdown"
    if path == "/lab" or path.startswith(
        ("/lab/tree", "/files/", "/nbconvert/", "/tree", "/notebooks/", "/doc/", _DATA)
    ):
        return True
    return path.startswith("/api/contents/") and parse_qs(parts.query).get("type", [""])[0] in ("file", "notebook")
