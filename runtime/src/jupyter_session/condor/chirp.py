"""Chirp: the job's line to the access point. One short conversation at a time, no hang, no surprise."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import socket
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

#: Seconds that the starter's proxy may take for one answer.
TIMEOUT = 10.0


class ChirpError(Exception):
    """Chirp is not there, or broke off; the message says what was tried and what came back."""


class ChirpRefusedError(ChirpError):
    """The job may not do that by chirp: trying again is of no use."""


class ChirpClient:
    """A conversation with the starter's chirp proxy. Not for two threads at once.

    The protocol is spoken by the client in HTCondor's own wheel.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    @contextmanager
    def connect(cls) -> Iterator[ChirpClient]:
        """Connect with the cookie of the job's chirp configuration; every failure inside is a ChirpError."""
        HTChirp: Any = _client_class()  # noqa: N806

        class Client(HTChirp):  # type: ignore[misc]
            def _simple_response(self) -> Any:
                # HTChirp reads on for ever when the other side has closed.
                if not self.socket.recv(1, socket.MSG_PEEK):
                    raise ConnectionError("the starter closed the connection")
                return super()._simple_response()

        try:
            client = Client(timeout=TIMEOUT)
            client.connect()
            try:
                yield cls(client)
            finally:
                client.disconnect()
        except (HTChirp.ChirpError, OSError, RuntimeError, ValueError) as error:
            raise ChirpError(str(error) or type(error).__name__) from error

    def set_attributes(self, values: Mapping[str, str | int | None]) -> None:
        """Set job attributes in the given order; None makes one undefined. ChirpRefusedError without remote updates."""
        for name, value in values.items():
            text = "undefined" if value is None else _quoted(value) if isinstance(value, str) else str(value)
            with self._refusable():
                self._client.set_job_attr(name, text)

    def log_event(self, text: str) -> None:
        """Write a line into the job's event log (event 008)."""
        self._client.ulog(text)

    def put_private(self, name: str, text: str) -> None:
        """Make an owner-only file in the job's folder on the access point, whole or not at all."""
        beside = f".{name}.new"
        self.remove(beside)
        self._client.write(text.encode(), beside, "wcx", 0o600)
        self._client.rename(beside, name)

    def remove(self, name: str) -> None:
        """Remove a file in the job's folder on the access point, if it is there; ChirpRefusedError without file I/O."""
        try:
            with self._refusable():
                self._client.unlink(name)
        except self._client.DoesntExist:
            pass

    @contextmanager
    def _refusable(self) -> Iterator[None]:
        """Tell a refusal from a failure: the starter does not know the verbs that the job has not asked for."""
        try:
            yield
        except (self._client.NotAuthorized, self._client.InvalidRequest) as error:
            raise ChirpRefusedError(str(error)) from error


@functools.cache
def _client_class() -> Any:
    """Load the client alone: its package would load native libraries too, 16 MB of them, which it has no use for."""
    package = importlib.util.find_spec("htcondor2")
    [folder] = (package and package.submodule_search_locations) or [""]
    loader = SourceFileLoader("htchirp", str(Path(folder, "htchirp", "htchirp.py")))
    module = types.ModuleType(loader.name)
    loader.exec_module(module)
    return module.HTChirp


def _quoted(text: str) -> str:
    """Quote a string as job ads want it: old ClassAds, where a backslash escapes a quote and nothing else.

    So a backslash before a quote or the end can't be written; it becomes a slash.
    """
    return '"' + re.sub(r'\\(?="|$)', "/", text).replace('"', '\\"') + '"'


def is_configured(environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether HTCondor gave this job a chirp proxy."""
    name = environ.get("_CONDOR_CHIRP_CONFIG")
    return bool(name) and Path(str(name)).is_file()
