"""Regular expressions as they were compiled when the image was built.

A start compiles some hundred of them, which takes an eighth of the time until JupyterLab is ready. What `re` hands to
its engine for each depends on nothing but the expression and the version of Python, for which a bundle is made
(`re._compiler` and `_sre`, Python 3.11 to 3.13).
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in module_bundle
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: By expression and flags: what comes after the expression in a call of `_sre.compile`.
Patterns = dict[tuple[str | bytes, int], tuple[object, ...]]
_usual: list[Callable[..., Any]] = []


def note() -> Patterns:
    """Return a dict that gets all that this process compiles from now on."""
    from re import _compiler  # type: ignore[attr-defined]  # noqa: PLC0415 - not before modules come from one file

    noted: Patterns = {}
    usual, usual_engine = _compiler.compile, _compiler._sre  # noqa: SLF001

    class Engine:
        """The engine of `re`, which remembers what it was given last."""

        given: tuple[Any, ...] = ()

        def __getattr__(self, name: str) -> Any:
            return getattr(usual_engine, name)

        def compile(self, pattern: Any, *given: Any) -> Any:
            self.given = given
            return usual_engine.compile(pattern, *given)

    def compile_and_note(pattern: Any, flags: int = 0) -> Any:
        compiled = usual(pattern, flags)
        if isinstance(pattern, (str, bytes)) and usual_engine.compile(pattern, *engine.given) == compiled:
            whole, code, *more = engine.given
            noted[pattern, int(flags)] = (int(whole), [int(each) for each in code], *more)  # constants of `re`'s, some
        return compiled

    _compiler._sre = engine = Engine()  # noqa: SLF001
    _compiler.compile = compile_and_note
    return noted


def begin(patterns: Patterns) -> None:
    """Have `re` take expressions from `patterns` until `end`, each once: it keeps them itself."""
    from re import _compiler  # type: ignore[attr-defined]  # noqa: PLC0415

    usual, engine = _compiler.compile, _compiler._sre  # noqa: SLF001

    def take(pattern: Any, flags: int = 0) -> Any:
        given = patterns.pop((pattern, flags), None) if isinstance(pattern, (str, bytes)) else None
        return usual(pattern, flags) if given is None else engine.compile(pattern, *given)

    _usual.append(usual)
    _compiler.compile = take


def end() -> None:
    """Have `re` compile all expressions again."""
    if _usual:
        from re import _compiler  # type: ignore[attr-defined]  # noqa: PLC0415

        _compiler.compile = _usual[0]
        _usual.clear()
