"""What every verb has: `-v`, and one suggestion for a word that is mistyped."""

from __future__ import annotations

import difflib
from typing import Any

import click
from typer.core import TyperCommand, TyperGroup

from chtc_jupyter import verbosity


def _make_verbose_option() -> click.Option:
    return click.Option(
        ["-v", "--verbose"],
        metavar="",
        count=True,
        expose_value=False,
        callback=lambda _context, _option, count: verbosity.add(count),
        help="Print each step to standard error; -vv prints more, -vvv ssh's log too.",
    )


class Verb(TyperCommand):
    """A verb."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_make_verbose_option())


class Verbs(TyperGroup):
    """All verbs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_make_verbose_option())

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb that is meant; raises click.UsageError if there is none."""
        word = args[0]
        if word.startswith("-") or self.get_command(ctx, word):
            return super().resolve_command(ctx, args)
        near = difflib.get_close_matches(word, [name for name, verb in self.commands.items() if not verb.hidden])
        advice = f"Did you mean {' or '.join(near)}?" if near else "`chtc-jupyter --help` lists them."
        raise click.UsageError(f"There is no command {word!r}. {advice}", ctx)
