"""Open the user's browser, without waiting for it and without its output in the terminal."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
import sys

_log = logging.getLogger(__name__)
#: Reads the address from its standard input: what is in an argument list, everybody on the machine can read.
_OPENER = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.stdin.read()))"
#: Seconds in which a browser that can't be opened says so. One that stays longer is left alone.
_ANSWER = 30


async def open_browser(url: str) -> bool:
    """Open an address in the browser; return whether it may be open, as far as that is known within some seconds.

    Python's webbrowser finds the browser, in a process of its own: a program in BROWSER may stay for as long as it
    likes, and goes on when the launcher ends.
    """
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        opener = subprocess.Popen(  # noqa: ASYNC220 - asyncio's would be killed with the launcher
            [sys.executable, "-I", "-c", _OPENER],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            creationflags=flags,
            env=_build_environment(),
        )
        assert opener.stdin  # noqa: S101
        with opener.stdin as to:
            to.write(url.encode())
    except OSError as error:
        _log.debug("No browser can be opened: %s", error)
        return False
    for _ in range(_ANSWER * 5):
        await asyncio.sleep(0.2)
        if opener.poll() is not None:
            _log.debug("webbrowser ended with status %d", opener.returncode)
            return opener.returncode == 0
    return True


def _build_environment() -> dict[str, str]:
    """Return the environment, which names WSL's way to the browser of Windows: Python doesn't know it by itself."""
    windows = {} if "BROWSER" in os.environ or not shutil.which("wslview") else {"BROWSER": "wslview"}
    return {**os.environ, **windows}
