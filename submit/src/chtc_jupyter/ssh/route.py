"""Ask ssh which way the user's configuration takes to the access point: `ssh -G` prints it."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import subprocess
import time
from dataclasses import dataclass

from chtc_jupyter.ssh.failures import SSH

_log = logging.getLogger(__name__)
#: A ProxyCommand that is an ssh, which it may find in PATH.
_SSH = re.compile(r"(?:exec )?(?P<folder>/[\w./+-]*/)?ssh\s+")
#: Seconds for `ssh -G`, which runs what a `Match exec` names.
_LONGEST = 15
#: Seconds for which what ssh said counts.
_FRESH = 3.0
_known: dict[str, tuple[float, Route]] = {}


@dataclass(frozen=True)
class Route:
    """The way to a host: `jump` and `proxy` are ssh's ProxyJump and ProxyCommand, "" if there are none.

    `shared` is the socket of a connection of the user's that is open, "" if there is none. `refusal` is what ssh
    printed if it can't use its configuration.
    """

    jump: str = ""
    proxy: str = ""
    shared: str = ""
    refusal: str = ""

    @property
    def has_hops(self) -> bool:
        """Whether there is a host on the way whose login may ask something."""
        return bool(self.jump) or "ssh" in self.proxy

    def can_be_led(self) -> bool:
        """Return whether an `ssh` that we choose can reach the hosts on the way."""
        return bool(self.jump) or bool(_SSH.match(self.proxy))

    def build_options(self, program: str) -> list[str]:
        """Return the options that have a ProxyCommand run this program where it names ssh by its path."""
        found = _SSH.match(self.proxy) if not self.jump else None
        if not found or not found["folder"]:
            return []
        return ["-o", f"ProxyCommand={program} {self.proxy[found.end() :]}"]


def parse_settings(text: str) -> dict[str, str]:
    """Return what `ssh -G` printed; of a setting with several lines, the first."""
    settings: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        settings.setdefault(key.lower(), value.strip())
    return {key: value for key, value in settings.items() if value != "none"}


def is_alive(path: str) -> bool:
    """Return whether a process listens at a socket; the connection behind it may be dead nevertheless."""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            probe.connect(path)
    except (OSError, AttributeError) as error:  # Windows has no AF_UNIX
        _log.debug("no ssh answers at %s: %s", path, error)
        return False
    return True


async def find_route(ap: str) -> Route:
    """Return the way to a host."""
    asked, route = _known.get(ap, (0.0, Route()))
    if not asked or time.monotonic() - asked > _FRESH:
        route = await asyncio.to_thread(_ask, ap)
        _known[ap] = time.monotonic(), route
    return route


def _ask(ap: str) -> Route:
    argv = ["ssh", "-G", "--", ap]
    try:
        asked = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LONGEST, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.debug("ssh -G %s: %s", ap, error)
        return Route()
    out, err = (text.decode(errors="replace") for text in (asked.stdout, asked.stderr))
    if asked.returncode:
        _log.debug("ssh -G %s: exit status %d, %r", ap, asked.returncode, err)
        return Route(refusal=err if asked.returncode == SSH else "")
    settings = parse_settings(out)
    path = settings.get("controlpath", "")
    route = Route(
        settings.get("proxyjump", ""), settings.get("proxycommand", ""), path if path and is_alive(path) else ""
    )
    _log.debug("the way to %s: %s", ap, route)
    return route
