"""Programs that install packages: which are at work in a session, and where they take packages from."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from jupyter_session.activity.procfs import read_file
from jupyter_session.jupyter.lab import belongs_to

_LOG = logging.getLogger(__name__)
_INSTALLERS = re.compile(r"(?:pip[\d.]*|uv|poetry|pdm|conda|mamba|micromamba)")
_ACTIONS = frozenset({"install", "uninstall", "sync", "add", "remove", "update", "upgrade", "create", "pip"})
_MOST_WORDS = 8  # before the action there may be options
_LOOKS = 4
_LARGEST = 1 << 20  # bytes of a requirements file
#: Options that say where packages come from, and what they are in a list of packages from several places.
_PLACES = {
    "-i": "--extra-index-url",
    "--index-url": "--extra-index-url",
    "--extra-index-url": "--extra-index-url",
    "-f": "--find-links",
    "--find-links": "--find-links",
}
_FILES = ("-r", "--requirement")


@dataclass(frozen=True)
class Installer:
    """A program at work: the words of its command line, and its folder."""

    words: tuple[str, ...]
    folder: Path


class InstallerWatch:
    """Looks for programs that install packages in a session, again and again.

    What has been looked at several times is left alone: it won't become another program, but for a shell's `exec`.
    """

    def __init__(self, session: str) -> None:
        self._session = session
        self._looks: dict[str, int] = {}
        self._newest = ""

    def find(self, *, thoroughly: bool) -> list[Installer]:
        """Return those that are at work: what they have written so far isn't whole. `thoroughly` looks at all."""
        newest, self._newest = self._newest, _read_newest()
        is_same = newest == self._newest != ""
        if is_same and not thoroughly and min(self._looks.values(), default=0) >= _LOOKS:
            return []
        found, looks = [], {}
        for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 - each second, as long as a session
            times = self._looks.get(name, 0)
            if times < _LOOKS or thoroughly:
                if installer := self._read(name):
                    found.append(installer)
                else:
                    times += 1
            looks[name] = times
        self._looks = looks
        return found

    def _read(self, name: str) -> Installer | None:
        about = Path("/proc") / name
        try:
            words = tuple(os.fsdecode(word) for word in (about / "cmdline").read_bytes().split(b"\0"))
            if is_installer(words[:_MOST_WORDS]) and belongs_to(int(name), self._session):
                return Installer(words, (about / "cwd").readlink())
        except OSError as error:
            _LOG.debug("a process has ended, or is another user's: %s", error)
        return None


def _read_newest() -> str:
    """Return the ID of the process that was made last, the last word of this file; "" if it can't be read."""
    try:
        return read_file("/proc/loadavg").rpartition(b" ")[2].decode()
    except OSError as error:
        _LOG.debug("can't know whether a process was made: %s", error)
        return ""


def is_installer(words: tuple[str, ...]) -> bool:
    """Return whether a command line is that of a program that installs packages.

    >>> is_installer(("/usr/bin/python3", "-m", "pip", "install")), is_installer(("uv", "run", "train.py"))
    (True, False)
    """
    programs = [number for number, word in enumerate(words[:3]) if _INSTALLERS.fullmatch(Path(word).name)]
    return bool(programs) and not _ACTIONS.isdisjoint(words[programs[0] + 1 :])


def find_places(installer: Installer) -> list[str]:
    """Return where an installer takes packages from beside the usual index: lines of a requirements file."""
    lines = []
    for option, value in _read_options(installer.words):
        if option in _FILES:
            lines += read_places(_read_file(installer.folder / value))
        elif option in _PLACES:
            lines += _render_place(option, value)
    return list(dict.fromkeys(lines))


def read_places(text: str) -> list[str]:
    """Return the lines of a requirements file that say where its packages come from."""
    options = [pair for line in text.splitlines() for pair in _read_options(tuple(line.split()))]
    return [place for option, value in options if option in _PLACES for place in _render_place(option, value)]


def _read_options(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for word, following in zip(words, (*words[1:], ""), strict=True):
        option, equals, value = word.partition("=")
        if option in _PLACES or option in _FILES:
            yield option, value if equals else following


def _render_place(option: str, url: str) -> list[str]:
    """Return the line of a place that other machines reach too. A password in it must not get into a file."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        _LOG.debug("not an address: %s", error)
        return []
    if parts.scheme not in ("http", "https") or not parts.netloc or not url.isprintable() or " " in url:
        return []
    place = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
    return [f"{_PLACES[option]} {place.geturl()}"]


def _read_file(path: Path) -> str:
    try:
        with path.open(errors="replace") as file:
            return file.read(_LARGEST)
    except OSError as error:
        _LOG.debug("can't read what is installed: %s", error)
        return ""
