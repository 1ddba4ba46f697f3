"""Say why an ssh ended, from its own words alone: what a login prints is never taken for a reason.

Up to the login, the last lines on standard error are ssh's own, whatever a banner has printed before them; the ssh of a
host on the way writes to a file (see `hops`). After the login, only the exit status of the remote command counts.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

from chtc_jupyter.errors import HostKeyError, LauncherError, LoginError, PythonError, UnreachableError, UsageError
from chtc_jupyter.ssh import search_path

#: Exit status of the remote command (scripts/find_python.sh) if the access point's Python is too old.
TOO_OLD = 93
#: Exit status of a shell that a startup file has started in place of our command, and that the launcher has ended.
OTHER_SHELL = 97
#: Exit status if there is no Python, and ssh's own.
NOT_FOUND, SSH = 127, 255
#: How ssh's own line begins when it has logged in (level VERBOSE).
LOGGED_IN = "Authenticated to "
#: What to do if it is somewhere else.
_NAME_IT = f"name the folder of yours with `chtc-jupyter config {search_path.KEY} FOLDER`"


class Retry(enum.Enum):
    """When to try a failed connection again."""

    SOON = "soon"  # nothing was reached, so that a retry costs nobody anything
    LATER = "later"  # somebody answered, but not as they should
    AFTER_LOGIN = "after login"  # a person must log in
    ANOTHER_PORT = "another port"  # the port for the forward was taken
    NEVER = "never"  # only a person can fix it


@dataclass(frozen=True)
class SshFailure:
    """Why an ssh ended: the error to show, and when to try again.

    `wants` says who wants a login. A connection that was `stuck` may hang at another one that it shares, `at_hop` at
    that of a host on the way.
    """

    error: LauncherError
    retry: Retry
    wants: str = ""
    stuck: bool = False
    at_hop: bool = False


@dataclass(frozen=True)
class Evidence:
    """What is known of an ssh that has ended; its `status` is None if it was given up."""

    status: int | None
    #: Its standard error, without what ssh -v adds: what it and a banner said before the login, and all after it.
    before: str = ""
    after: str = ""
    logged_in: bool = False
    #: Whether the ssh of a host on the way may ask something, and what it has logged, as far as that can be known.
    has_hops: bool = False
    hops: str = ""


class _Kind(enum.Enum):
    CHANGED_KEY = enum.auto()
    UNKNOWN_KEY = enum.auto()
    DENIED = enum.auto()
    NO_SUCH_HOST = enum.auto()
    UNREACHED = enum.auto()
    BEYOND = enum.auto()
    CONFIG = enum.auto()
    SILENT = enum.auto()
    PORT = enum.auto()


#: ssh's own lines, from beginning to end.
_LINES = (
    (_Kind.UNKNOWN_KEY, r"Host key verification failed\.?"),
    (_Kind.DENIED, r"(\S+@\S+: )?Permission denied,? ?(\([\w,.@-]*\)|, please try again)?\.?"),
    (_Kind.DENIED, r"(Received disconnect|Disconnected) from .*: Too many authentication failures.*"),
    (_Kind.DENIED, r"Received disconnect from .*: (No supported authentication methods|No more auth).*"),
    (_Kind.DENIED, r"No (more|supported) authentication methods.*"),
    (_Kind.NO_SUCH_HOST, r"ssh: Could not resolve hostname .*"),
    (_Kind.UNREACHED, r"ssh: connect to (host|address) .*"),
    (_Kind.BEYOND, r"channel \d+: open failed: .*"),
    (_Kind.CONFIG, r"\S.*: line \d+: .*|.*: terminating, \d+ bad configuration options|Bad owner or permissions on .*"),
    (_Kind.CONFIG, r"command-line: line 0: .*|command-line line 0: .*|Can't open user config file .*"),
    (_Kind.SILENT, r"Connection to \S+ port \S+ timed out|(banner exchange: )?Connection .*timed out.*"),
    (_Kind.SILENT, r"Timeout, server \S+ not responding\.?"),
    (_Kind.PORT, r"bind.*: Address already in use|.*cannot listen to port.*|Could not request local forwarding\.?"),
)
_KINDS = [(kind, re.compile(pattern)) for kind, pattern in _LINES]
#: Lines of ssh's own that follow the reason, or say nothing of it.
_EMPTY = re.compile(
    r"(kex|ssh)_exchange_identification: .*|Connection (closed|reset|to \S+ closed).*|Disconnected from .*"
    r"|Received disconnect from .*|stdio forwarding failed.*|mux_client_\w+: .*|muxclient: .*|Shared connection to .*"
    r"|ssh_dispatch_run_fatal: .*|banner exchange: .*|client_loop: .*|Killed by signal .*|Warning: .*|hostkeys_.*"
    r"|@.*@|sign_and_send_pubkey: .*|Control socket .*|ControlSocket .*|Authenticated (to|using) .*"
)
_CLOSED = re.compile(r"Connection (closed|reset) by (?!UNKNOWN)")
_CHANGED = re.compile(r"^@ +WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! +@", re.MULTILINE)
_KEY_OF = re.compile(r"(?:Host key for|host key is known for) (\S+) (?:has changed )?and you have requested strict")


def diagnose_failure(ap: str, evidence: Evidence) -> SshFailure:
    """Return why an ssh ended before the agent answered."""
    if evidence.logged_in or evidence.status not in (SSH, None):
        return _diagnose_remote(ap, evidence)
    return _diagnose_way(ap, evidence)


def describe_other_shell(ap: str) -> str:
    """Return the sentence for an access point whose login shell runs no command."""
    return (
        f"A startup file of your login shell on {ap} starts another shell in place of the command that ssh runs "
        "(`exec zsh`?). Have it do so only in an interactive shell: `case $- in *i*) exec zsh ;; esac`."
    )


def printable(text: str) -> str:
    """Return text for a terminal: without control characters."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def split_printable(text: str) -> list[str]:
    """Return the lines of a text for a terminal, without control characters, and without empty ones."""
    return [line for line in (printable(line) for line in text.splitlines()) if line]


def _diagnose_remote(ap: str, evidence: Evidence) -> SshFailure:
    """Return why it ended after the access point has let us in."""
    lines = [line for line in split_printable(evidence.after or evidence.before) if not _EMPTY.fullmatch(line)]
    last = lines[-1] if lines and evidence.after else f"exit status {evidence.status}"
    if evidence.status is None:
        sentence = (
            f"{ap} accepted the login, but runs no command: its file system may hang, or a startup file of your login "
            f"shell waits or starts another shell. Look at it with `ssh {ap}`."
        )
        return SshFailure(UnreachableError(sentence), Retry.AFTER_LOGIN)
    if evidence.status == OTHER_SHELL:
        return SshFailure(UnreachableError(describe_other_shell(ap)), Retry.NEVER)
    if evidence.status == TOO_OLD:
        sentence = f"{ap} has no python3 that is 3.9 or newer: ask its operators for one, or {_NAME_IT}."
        return SshFailure(PythonError(sentence), Retry.NEVER)
    if evidence.status == NOT_FOUND:
        sentence = (
            f"{ap} has no python3, neither in the PATH of `ssh {ap} COMMAND` nor where it usually is: ask its "
            f"operators for one, 3.9 or newer, or {_NAME_IT}."
        )
        return SshFailure(PythonError(sentence), Retry.NEVER)
    if evidence.status == SSH:
        if any(kind is _Kind.PORT for kind, _ in _read(lines)):
            return SshFailure(
                UnreachableError(f"The local port for ssh to {ap} is in use: {last}."), Retry.ANOTHER_PORT
            )
        return SshFailure(UnreachableError(f"The connection to {ap} was lost ({last}): try again."), Retry.LATER)
    return SshFailure(LauncherError(f"The agent on {ap} ended at once: {last.rstrip('.')}."), Retry.LATER)


def _read(lines: Iterable[str]) -> list[tuple[_Kind | None, str]]:
    """Return each line with what it says; None for a line that is not ssh's. Lines that say nothing are left out."""
    found: list[tuple[_Kind | None, str]] = []
    for line in lines:
        kind = next((kind for kind, pattern in _KINDS if pattern.fullmatch(line)), None)
        if kind or not _EMPTY.fullmatch(line):
            found.append((kind, line))
    return found


def _diagnose_way(ap: str, evidence: Evidence) -> SshFailure:
    """Return why it ended before that: only the last line that says something is ssh's own without doubt."""
    error: LauncherError
    said = split_printable(evidence.before)
    own, hops = _read(said), _read(split_printable(evidence.hops))
    if said and _CLOSED.match(said[-1]):  # the end itself is all that ssh knows: what stands above is a banner
        own = []
    kind, line = own[-1] if own else (None, "")
    by_hop = False
    if hops and (kind in (None, _Kind.SILENT)):
        kind, line = hops[-1]
        by_hop = True
    line = line or (said[-1] if said else f"exit status {evidence.status}")
    if kind is _Kind.UNKNOWN_KEY:
        return _diagnose_host_key(ap, f"{evidence.hops}\n{evidence.before}")
    if kind is _Kind.DENIED:
        who = line.partition(": Permission denied")[0] if by_hop and ": Permission denied" in line else ""
        if by_hop:
            who = who or "A host"
            error = LoginError(f"{who}, on the way to {ap}, refused the login ({line}): try `ssh {ap}` by hand first.")
            return SshFailure(error, Retry.AFTER_LOGIN, f"{who}, on the way to {ap}, wants you to log in again.")
        error = LoginError(f"{ap} refused the login ({line}): try `ssh {ap}` by hand first.")
        return SshFailure(error, Retry.AFTER_LOGIN, f"{ap} needs you to log in again.")
    if kind is _Kind.NO_SUCH_HOST:
        error = UnreachableError(f"{ap} can't be found ({line}): check its name and your network.")
        return SshFailure(error, Retry.SOON)
    if kind is _Kind.CONFIG:
        return SshFailure(UsageError(f"ssh can't use its configuration ({line}): correct it there."), Retry.NEVER)
    if kind in (_Kind.UNREACHED, _Kind.BEYOND, _Kind.SILENT) and (by_hop or not _is_stuck(kind, evidence)):
        error = UnreachableError(f"{ap} can't be reached ({line}): check your network or VPN, then try again.")
        return SshFailure(error, Retry.SOON if kind is _Kind.UNREACHED else Retry.LATER)
    if _is_stuck(kind, evidence):
        who = f"A host on the way to {ap}" if evidence.has_hops else ap
        sentence = f"{who} does not answer, or waits for a login: try `ssh {ap}` by hand first."
        wants = f"{who} wants you to log in again."
        return SshFailure(UnreachableError(sentence), Retry.AFTER_LOGIN, wants, stuck=True, at_hop=evidence.has_hops)
    error = UnreachableError(f"The connection to {ap} was lost ({line.rstrip('.')}): try again.")
    return SshFailure(error, Retry.LATER, stuck=evidence.status is None)


def _is_stuck(kind: _Kind | None, evidence: Evidence) -> bool:
    """Return whether a login may be waiting for a person: it was given up, or a host on the way has said nothing."""
    if evidence.status is None:
        return True
    silent_hop = evidence.has_hops and LOGGED_IN not in evidence.hops
    return silent_hop and kind in (None, _Kind.SILENT)


def _diagnose_host_key(ap: str, text: str) -> SshFailure:
    host = found[1] if (found := _KEY_OF.search(text)) else ap.rpartition("@")[2]
    if _CHANGED.search(text):
        sentence = (
            f"The host key of {host} has changed. If its operators confirm the change, remove the old key with "
            f"`ssh-keygen -R {host}`; otherwise someone may be intercepting the connection."
        )
    else:
        sentence = f"ssh does not know the host key of {host}: log in once with `ssh {ap}`, and accept the key."
    return SshFailure(HostKeyError(sentence), Retry.NEVER)
