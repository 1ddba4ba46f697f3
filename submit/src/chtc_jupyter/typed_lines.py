"""What a person types, line by line, read so that a question can be withdrawn: nothing keeps waiting for the line."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading

_log = logging.getLogger(__name__)
#: Seconds between two looks whether the question is still open.
_LOOK = 0.1


def discard_typed() -> None:
    """Drop what has been typed and not been read: it was typed before the question, so it is no answer to it."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        while msvcrt.kbhit():
            msvcrt.getwch()
    else:
        import termios  # noqa: PLC0415

        try:
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
        except (OSError, ValueError, termios.error) as error:
            _log.debug("What was typed before can't be dropped: %s", error)


async def read_typed_line() -> str | None:
    """Return the next line that is typed, or None at the end of the input. Reads nothing once it is canceled."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()
    withdrawn = threading.Event()

    def give(line: str | None) -> None:
        if not answer.done():
            answer.set_result(line)

    def read() -> None:
        line = _read_line(withdrawn)
        if not withdrawn.is_set():
            loop.call_soon_threadsafe(give, line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        return await answer
    finally:
        withdrawn.set()


def _read_line(withdrawn: threading.Event) -> str | None:
    """Return a line without its end; None at the end of the input, or once the question is withdrawn."""
    said = b""
    try:
        while not withdrawn.is_set():
            if not _has_input() or withdrawn.is_set():
                continue
            if sys.platform == "win32":
                return sys.stdin.readline().rstrip("\r\n") or None
            part = os.read(sys.stdin.fileno(), 1024)
            said += part
            if not part or b"\n" in part:
                break
    except (OSError, ValueError) as error:
        _log.debug("The terminal can't be read any more: %s", error)
    return said.partition(b"\n")[0].decode(errors="replace") if said else None


def _has_input() -> bool:
    """Wait a moment for something to be typed; return whether there is something."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415
        import time  # noqa: PLC0415

        time.sleep(_LOOK)
        return msvcrt.kbhit()
    import select  # noqa: PLC0415

    return bool(select.select([sys.stdin], [], [], _LOOK)[0])
