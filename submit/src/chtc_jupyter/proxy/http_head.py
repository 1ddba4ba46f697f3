"""What the local port needs to know of a request."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qs

#: Most bytes of a head; a browser's cookies fit.
LONGEST_HEAD = 1 << 17

Fields = list[tuple[bytes, bytes]]


class Request(NamedTuple):
    """The first line of a request, and its header fields."""

    method: bytes
    target: bytes
    fields: Fields


@dataclass(frozen=True)
class Head:
    """The head of a request. `fields` are the header fields as they came; `host` is lower case and has no port."""

    method: str
    path: str
    query: str
    fields: Fields

    @functools.cached_property
    def _values(self) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {}
        for name, value in self.fields:
            values.setdefault(name.decode("ascii").lower(), []).append(value.decode("latin-1"))
        return values

    def get(self, name: str) -> str:
        """Return the value of a header field, joined if it is there more than once; "" if it isn't there."""
        return ", ".join(self._values.get(name, ()))

    @functools.cached_property
    def cookies(self) -> list[tuple[str, str]]:
        """The cookies, as they are: servers have cookies that no parser of the library's takes."""
        parts = (part for value in self._values.get("cookie", ()) for part in value.split(";"))
        return [(name, value) for name, equals, value in (part.strip().partition("=") for part in parts) if equals]

    @property
    def host(self) -> str:
        """The name of the host that is asked for."""
        host = self.get("host").lower()
        name, colon, port = host.rpartition(":")
        return name if colon and port.isdecimal() else host

    @property
    def changes(self) -> bool:
        """Whether the request changes something, or is JupyterLab's check of a notebook that it is about to save."""
        looks = self.path.startswith("/api/contents/") and "content=0" in self.query.split("&")
        return looks or self.method not in ("GET", "HEAD", "OPTIONS")

    @property
    def upgrade(self) -> bool:
        """Whether it asks for a WebSocket."""
        return "upgrade" in self.get("connection").lower() and bool(self.get("upgrade"))

    @property
    def wants_page(self) -> bool:
        """Whether a person would see the answer."""
        return "text/html" in self.get("accept")

    @functools.cached_property
    def arguments(self) -> dict[str, str]:
        """The arguments of the query, the last of each name."""
        return {name: values[-1] for name, values in parse_qs(self.query).items()}


def read_head(request: Request) -> Head:
    """Return the head of a request."""
    path, _, query = request.target.decode("latin-1").partition("?")
    return Head(request.method.decode("ascii"), path, query, request.fields)
