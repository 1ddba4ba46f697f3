"""The user's own configuration of ssh: which of its hosts are named like sessions, and the line that includes ours.

It may be a link, read-only, somebody else's, or have the line ends of Windows: what can't be changed is left as it is.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chtc_jupyter.errors import LauncherError

_log = logging.getLogger(__name__)
PREFIX = "jupyter-"
INCLUDE = "Include config.d/chtc-jupyter"
_OURS = "config.d/chtc-jupyter"
_BOM = b"\xef\xbb\xbf"
#: How deep files may include others, as in ssh.
_DEEPEST = 16
_WILD = re.compile(r"[*?]")
#: A Host or Match word that can stand in our own Host line.
_PLAIN = re.compile(r"[\w.:%*?-]+", re.ASCII)


@dataclass(frozen=True)
class Taken:
    """Hosts and patterns of the user's own that begin like a session; `all` is one that all sessions match."""

    patterns: tuple[str, ...] = ()
    all: str = ""


def find_taken(home: Path) -> Taken:
    """Return which hosts of ssh's configuration, and of those that the user has logged in to, begin like a session."""
    found: dict[str, None] = {}
    for file, base in ((home / ".ssh/config", home / ".ssh"), (Path("/etc/ssh/ssh_config"), Path("/etc/ssh"))):
        for pattern in _read_patterns(file, base, home, 0):
            found.setdefault(pattern)
    for name in _read_known_hosts(home / ".ssh/known_hosts"):
        found.setdefault(name)
    return select_taken(list(found))


def select_taken(patterns: Sequence[str]) -> Taken:
    """Return those of the patterns of Host and Match lines that begin like a session."""
    mine, every = [], ""
    for pattern in patterns:
        fixed = _WILD.split(pattern, maxsplit=1)[0]
        if not _PLAIN.fullmatch(pattern):
            continue
        if pattern == f"{PREFIX}*" or (fixed and fixed != pattern and PREFIX.startswith(fixed) and fixed != PREFIX):
            every = every or pattern
        elif pattern.lower().startswith(PREFIX) and pattern.lower() != PREFIX:
            mine.append(pattern.lower())  # ssh compares hosts in lower case
        elif not fixed and pattern.strip("*?"):
            mine.append(pattern)  # *-hub, *.example.org: hosts that may begin like a session, too
    return Taken(tuple(sorted(set(mine))), every)


def find_shadowed(home: Path, taken: Taken) -> list[str]:
    """Return which of these hosts our file, as it was written, takes from the user: they were added since."""
    try:
        ours = (home / ".ssh" / _OURS).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    if taken.all and f"{PREFIX}0*" not in ours:
        return [taken.all]
    return [pattern for pattern in taken.patterns if f'"!{pattern}"' not in ours]


def split_words(line: str) -> list[str]:
    """Return the words of a line of ssh's configuration, the keyword in lower case."""
    words = [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|([^\s"=]+)', _strip_comment(line))]
    return [words[0].lower(), *words[1:]] if words else []


def _strip_comment(line: str) -> str:
    line = line.strip()
    return "" if line.startswith("#") else re.sub(r"\s#.*$", "", line)


def _read_patterns(file: Path, base: Path, home: Path, depth: int) -> Iterator[str]:
    try:
        lines = file.read_bytes().removeprefix(_BOM).decode(errors="replace").splitlines()
    except OSError as error:
        _log.debug("can't read %s: %s", file, error)
        return
    for line in lines:
        key, *words = split_words(line) or [""]
        if key == "host":
            yield from (word for word in words if not word.startswith("!"))
        elif key == "match":
            for kind, names in itertools.pairwise(words):
                if kind.lower() in ("host", "originalhost"):
                    yield from (name for name in names.split(",") if not name.startswith("!"))
        elif key == "include" and depth < _DEEPEST:
            for path in _expand(words, base, home):
                yield from _read_patterns(path, base, home, depth + 1)


def _expand(words: Sequence[str], base: Path, home: Path) -> Iterator[Path]:
    """Yield the files that an Include names, without our own."""
    for word in words:
        path = home / word[2:] if word.startswith("~/") else base / word
        with contextlib.suppress(ValueError, OSError, NotImplementedError):
            for found in sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor)))):
                if found != home / ".ssh" / _OURS:
                    yield found


def _read_known_hosts(file: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for line in file.read_bytes().decode(errors="replace").splitlines():
            names = line.split(maxsplit=1)[:1] or [""]
            hosts = (re.sub(r"^\[(.*)\](:\d+)?$", r"\1", name) for name in names[0].split(","))  # [HOST]:PORT
            yield from (name for name in hosts if name.startswith(PREFIX) and not _WILD.search(name))


def is_included(config: str, home: Path) -> bool:
    """Return True if a configuration includes our file for all hosts: before its first Host or Match."""
    for line in config.splitlines():
        key, *words = split_words(line) or [""]
        if key in ("host", "match"):
            return False
        if key == "include":
            names = [word.removeprefix("~/.ssh/").removeprefix(f"{home}/.ssh/") for word in words]
            if _OURS in names or "config.d/*" in names:
                return True
    return False


def install(home: Path, text: str) -> list[str]:
    """Write our lines to `home`/.ssh and have ssh's configuration include them; return what was done.

    Raises LauncherError, and leaves all as it was, if the user has to do it.
    """
    folder = home / ".ssh"
    ours = folder / _OURS
    try:
        config = (folder / "config").resolve()
        before = config.read_bytes() if config.exists() else b""
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise _refuse(folder / "config", f"can't be read ({_get_reason(error)})") from None
    if config.is_symlink():  # a loop, for newer Pythons
        raise _refuse(config, "is a link that leads nowhere")
    if before.startswith(_BOM):
        raise LauncherError(
            f"{config} begins with a byte order mark, with which ssh can't read it: save it as UTF-8 without one, then "
            f"run this again."
        )
    old = ours.read_bytes() if ours.is_file() else None
    missing = not is_included(before.decode(errors="surrogateescape"), home)
    _raise_if_fixed(folder, config if missing else None, ours if old != text.encode() else None)
    done = []
    try:
        if old != text.encode():
            folder.mkdir(mode=0o700, exist_ok=True)
            ours.parent.mkdir(mode=0o700, exist_ok=True)
            _write(ours, text.encode(), 0o600)
            done.append(f"{ours} was written.")
        if missing:
            end = b"\r\n" if b"\r\n" in before else b"\n"
            _write(config, INCLUDE.encode() + end + (end + before if before else b""), 0o600)
            done.append(f"{config} now includes it, in its first line.")
    except OSError as error:
        with contextlib.suppress(OSError):
            if old is None:
                ours.unlink(missing_ok=True)
                ours.parent.rmdir()
            else:
                _write(ours, old, 0o600)
        raise _refuse(Path(error.filename or config), f"can't be written ({_get_reason(error)})") from None
    return done or ["Everything is set up already."]


def _raise_if_fixed(folder: Path, config: Path | None, ours: Path | None) -> None:
    """Raise LauncherError if one of the files can't be replaced."""
    for path in filter(None, (config, ours)):
        nearest = path.parent
        while not os.path.lexists(nearest) and nearest != nearest.parent:
            nearest = nearest.parent
        if not nearest.is_dir():
            raise _refuse(nearest, "is not a folder")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise _refuse(nearest, "is not yours to change")
        if path.exists() and not (path.is_file() and os.access(path, os.W_OK)):
            raise _refuse(path, "is read-only" if path.is_file() else "is not a file")
        if nearest != path.parent and path is config and nearest != folder.parent:
            raise _refuse(path, "leads to a folder that doesn't exist")


def _refuse(path: Path, why: str) -> LauncherError:
    return LauncherError(
        f"{path} {why}, so nothing was changed: put what `chtc-jupyter ssh-config` prints into ~/.ssh/{_OURS}, and the "
        f"line `{INCLUDE}` at the top of ~/.ssh/config, by hand."
    )


def _get_reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Replace a file at once, or leave it as it was."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        beside.chmod(mode)
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def read_settings(host: str) -> str:
    """Return what ssh makes of a host, "" if it can't say."""
    try:
        argv = ["ssh", "-G", "--", host]
        asked = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=15, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.debug("ssh -G %s: %s", host, error)
        return ""
    return asked.stdout.decode(errors="replace")
