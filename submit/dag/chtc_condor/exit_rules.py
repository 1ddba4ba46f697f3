"""Evaluate what a submission decides from a job's exit, `on_exit_remove` and `on_exit_hold`, for a session's end.

These are ClassAd expressions, see https://htcondor.readthedocs.io/en/latest/classads/classad-mechanism.html; nothing
here needs HTCondor to read them, since a review is pure.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

#: What is known of a job that has ended well.
_SUCCESS: Mapping[str, Any] = {"exitcode": 0, "exitbysignal": False, "true": True, "false": False}
_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*)|([A-Za-z_][\w.]*)|(=\?=|=!=|&&|\|\||[=!<>]=|[<>!()]))")
_PYTHON = {"=?=": "==", "=!=": "!=", "&&": " and ", "||": " or ", "!": " not "}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def is_true_after_success(condition: object) -> bool | None:
    """Return whether a condition is true of a job whose exit status is 0; None if that can't be seen.

    >>> is_true_after_success("ExitBySignal == false && ExitCode =!= 0")
    False
    >>> is_true_after_success("NumJobStarts > 3") is None
    True
    """
    if isinstance(condition, (bool, int, float)):
        return bool(condition)
    if not isinstance(condition, str):
        return None
    try:
        tree = ast.parse(_translate(condition), mode="eval")
        return _to_bool(_evaluate(tree.body))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _translate(condition: str) -> str:
    """Return a condition in Python's words; raises ValueError if there is more in it than comparisons."""
    words, at = [], 0
    condition = condition.strip()
    while at < len(condition):
        if not (found := _TOKEN.match(condition, at)):
            raise ValueError(condition)
        number, name, sign = found.groups()
        words.append(
            number or (f"n_{name.lower().removeprefix('my.').replace('.', '_')}" if name else _PYTHON.get(sign, sign))
        )
        at = found.end()
    return " ".join(words).strip()


def _evaluate(node: ast.expr) -> Any:
    """Return a value; None is one that isn't known."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _SUCCESS.get(node.id.removeprefix("n_"))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        found = _to_bool(_evaluate(node.operand))
        return None if found is None else not found
    if isinstance(node, ast.BoolOp):
        decides = isinstance(node.op, ast.Or)
        values = {_to_bool(_evaluate(value)) for value in node.values}
        return decides if decides in values else None if None in values else not decides
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = _evaluate(node.left), _evaluate(node.comparators[0])
        return None if left is None or right is None else _COMPARISONS[type(node.ops[0])](left, right)
    raise ValueError(ast.dump(node))


def _to_bool(value: Any) -> bool | None:
    return None if value is None else bool(value)
