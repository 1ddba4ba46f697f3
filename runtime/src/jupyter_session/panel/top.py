"""The verb `top`: the panel in a terminal, renewed every few seconds until a key is pressed."""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import time
import tty
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_session.control.client import ask
from jupyter_session.errors import SessionError
from jupyter_session.panel.figures import Figures
from jupyter_session.panel.view import View, make_view
from jupyter_session.state_dir import find_state_dir
from jupyter_session.state_dir.identity import Identity

#: Seconds between two looks.
_EVERY = 2.0
_BAR = 20  # characters of a bar
_HOME, _TO_END, _LINE_END = "\x1b[H", "\x1b[J", "\x1b[K"
_ALTERNATE, _NORMAL = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


def render_screen(view: View, width: int, height: int) -> list[str]:
    """Return at most `height` lines, none longer than `width`, of printable characters."""
    lines = [time.strftime("%H:%M:%S", time.localtime(view.now)) + "  " + (view.problem or view.sentence), ""]
    lines += [_render_figure(each.name, each.share, each.text) for each in view.figures]
    if view.sources:
        names = max(len(each.name) for each in view.sources)
        since = max(len("SINCE"), *(len(each.since) for each in view.sources))
        lines += ["", f"{'SOURCE':{names}}  ACTIVE  {'SINCE':{since}}  SEES"]
        lines += [
            f"{each.name:{names}}  {'yes' if each.active else 'no':6}  {each.since:{since}}  {each.sees}"
            for each in view.sources
        ]
    lines += ["", *(f"{name}: {text}" for name, text in view.facts), *view.saving]
    lines += [f"warning: {each}" for each in view.warnings]
    return ["".join(c if c.isprintable() else "?" for c in line)[:width] for line in lines[:height]]


def _render_figure(name: str, share: float | None, text: str) -> str:
    filled = round(_BAR * min(max(share or 0.0, 0.0), 1.0))
    bar = " " * (_BAR + 2) if share is None else f"[{'|' * filled}{' ' * (_BAR - filled)}]"
    return f"{name:12} {bar} {text}"


def top() -> int:
    """Show the session until q or Ctrl-C is pressed, or it ends; once, if the output is not a terminal."""
    message = _ask()
    about = Identity.read(find_state_dir(os.environ).identity_file)
    figures = Figures(os.environ, Path(about.notebooks if about else "."), about.id if about else "")
    if not sys.stdout.isatty():
        figures.look(_slot(message))
        time.sleep(1)  # the use of processors is a mean over this
        print("\n".join(render_screen(make_view(message, figures.look(_slot(message)), time.time()), 1000, 1000)))
        return 0
    with _full_screen():
        while True:
            width, height = shutil.get_terminal_size()
            view = make_view(message, figures.look(_slot(message)), time.time())
            lines = [*render_screen(view, width, height - 1), "q: quit   k: keep for 2 h"[:width]]
            sys.stdout.write(_HOME + (_LINE_END + "\r\n").join(lines) + _LINE_END + _TO_END)
            sys.stdout.flush()
            key = _read_key(_EVERY)
            if key in ("q", "Q", "\x03"):
                return 0
            message = _ask("extend", seconds=7200) if key in ("k", "K") else _ask()


def _ask(verb: str = "status", **details: Any) -> Mapping[str, Any]:
    try:
        return next(iter(ask(find_state_dir(os.environ).control, verb, **details)))
    except StopIteration:
        raise SessionError("The session has ended.") from None


def _slot(message: Mapping[str, Any]) -> Mapping[str, Any]:
    slot = message.get("slot")
    return slot if isinstance(slot, dict) else {}


@contextmanager
def _full_screen() -> Iterator[None]:
    """Have the whole screen, and keys without Return; give both back, whatever happens."""
    keys = sys.stdin.fileno() if sys.stdin.isatty() else -1
    before: Sequence[Any] = termios.tcgetattr(keys) if keys >= 0 else []
    sys.stdout.write(_ALTERNATE)
    try:
        if keys >= 0:
            tty.setcbreak(keys)
        yield
    finally:
        if keys >= 0:
            termios.tcsetattr(keys, termios.TCSADRAIN, list(before))
        sys.stdout.write(_NORMAL)
        sys.stdout.flush()


def _read_key(seconds: float) -> str:
    """Return the key that is pressed within so many seconds, or an empty text."""
    if not sys.stdin.isatty():
        time.sleep(seconds)
        return ""
    ready, _, _ = select.select([sys.stdin.fileno()], [], [], seconds)
    return os.read(sys.stdin.fileno(), 1).decode(errors="replace") if ready else ""
