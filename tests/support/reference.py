"""Write the tables of docs/reference.md that come from the code.

    python tests/support/reference.py

with the tests' Python rewrites what lies between `<!-- generated: NAME -->` and `<!-- end -->` in the page.
A test compares the page with the code, so that a changed help text can't be forgotten there.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / folder) for folder in ("runtime/src", "submit/src", "submit/dag")]

import typer.main  # noqa: E402

import chtc_jupyter.cli  # noqa: E402
import jupyter_session.cli  # noqa: E402
from chtc_jupyter import errors  # noqa: E402
from chtc_jupyter.commands import config  # noqa: E402
from jupyter_session import settings  # noqa: E402

PAGE = ROOT / "docs/reference.md"
#: Options that every verb has, or nearly every one: the page explains them once.
COMMON = {"ap", "as_json", "verbose"}
_BLOCK = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def render(page: str) -> str:
    """Return the page with every generated table made anew from the code."""
    return _BLOCK.sub(lambda found: found[1] + "\n" + TABLES[found[2]]() + "\n" + found[3], page)


def names(page: str) -> list[str]:
    """Return the names of the generated tables of a page."""
    return [found[2] for found in _BLOCK.finditer(page)]


def session_verbs() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each verb of `jupyter-session`."""
    actions = jupyter_session.cli.make_parser()._actions
    (found,) = (action for action in actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


def launcher_verbs() -> dict[str, Any]:
    """Return each verb of `chtc-jupyter` that its help lists, such as `start` and `image push`."""
    return _flatten(typer.main.get_command(chtc_jupyter.cli.app))


def _flatten(group: Any, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, verb in group.commands.items():
        if hasattr(verb, "commands"):
            found |= _flatten(verb, f"{prefix}{name} ")
        elif not verb.hidden:
            found[prefix + name] = verb
    return found


def _settings() -> str:
    rows = [
        (f"`{setting.flag} {setting.metavar}`", f"`{setting.attribute}`", setting.default or "-", setting.help)
        for setting in settings.TABLE
    ]
    return _table(("argument", "job attribute", "default", "meaning"), rows)


def _session_verbs() -> str:
    rows = []
    for name, parser in session_verbs().items():
        usage = [] if name == "run" else _argparse_usage(parser)
        rows.append((f"`{' '.join([name, *usage])}`", parser.description or ""))
    return _table(("verb", "what it does"), rows)


def _argparse_usage(parser: argparse.ArgumentParser) -> list[str]:
    words = []
    for action in parser._actions:
        metavar = str(action.metavar or action.dest.upper())
        if not action.option_strings:
            words.append(f"[{metavar}]" if action.nargs == "?" else metavar)
        elif action.dest not in {"help", "verbose"}:
            value = "" if action.nargs == 0 else f" {metavar}"
            words.append(f"[{action.option_strings[0]}{value}]")
    return words


def _launcher_verbs() -> str:
    rows = []
    for name, verb in launcher_verbs().items():
        arguments = [parameter for parameter in verb.params if parameter.param_type_name == "argument"]
        usage = [_argument(parameter) for parameter in arguments]
        rows.append((f"`{' '.join([name, *usage])}`", _first_sentences(verb.help)))
    return _table(("verb", "what it does"), rows)


def _argument(parameter: Any) -> str:
    shown = str(parameter.metavar or parameter.name.upper()).strip("[]")
    return shown if parameter.required else f"[{shown}]"


def _first_sentences(text: str) -> str:
    return " ".join(text.strip().split("\n\n")[0].split())


def _launcher_options() -> str:
    rows = [
        (f"`{name}`", f"`{_flag(parameter)}`", parameter.help or "")
        for name, verb in launcher_verbs().items()
        for parameter in verb.params
        if parameter.param_type_name == "option" and name != "start" and parameter.name not in COMMON
    ]
    return _table(("verb", "option", "meaning"), rows)


def _start_options() -> str:
    parameters = launcher_verbs()["start"].params
    options = [found for found in parameters if found.param_type_name == "option" and found.name not in COMMON]
    return _table(("option", "meaning"), [(f"`{_flag(parameter)}`", parameter.help or "") for parameter in options])


def _flag(parameter: Any) -> str:
    flags = "/".join((parameter.opts[-1], *parameter.secondary_opts))
    if parameter.is_flag or parameter.count:
        return flags
    return f"{flags} {parameter.metavar or ('N' if 'integer' in parameter.type.name else parameter.type.name.upper())}"


def _config_keys() -> str:
    return ", ".join(f"`{key}`" for key in config.KEYS) + "\n"


def _exit_statuses() -> str:
    return _table(("status", "meaning"), [(f"{code:d}", meaning) for code, meaning in errors.MEANINGS.items()])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in cells) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


TABLES: dict[str, Callable[[], str]] = {
    "settings": _settings,
    "session-verbs": _session_verbs,
    "launcher-verbs": _launcher_verbs,
    "start-options": _start_options,
    "launcher-options": _launcher_options,
    "config-keys": _config_keys,
    "exit-statuses": _exit_statuses,
}


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
