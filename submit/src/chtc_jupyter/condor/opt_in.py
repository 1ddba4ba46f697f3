"""Find in a machine's START expression what a job must say of itself, so that the machine takes it.

Shared GPU machines and build machines often take only jobs that opt in: `TARGET.WantGPULab =?= True`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

from chtc_condor.dry_run import Expression, parse_value

_VALUE = r'(?P<value>true|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?)'
#: A name of the job's: with TARGET; or one without, which is the job's if the machine doesn't have it.
_NAME = r"(?:TARGET\s*\.\s*(?P<target>[A-Za-z_]\w*)|(?P<bare>[A-Za-z_]\w*))"
#: A name that only a job has, by its sound.
_SOUND = re.compile(r"(?:Want|Wants|Is)[A-Z]\w*", re.IGNORECASE)
#: One of the words of a list.
_LIST = re.compile(rf'stringList(?:I)?Member\(\s*{_NAME}\s*,\s*"(?P<words>[\w\s,.-]+)"\s*\)', re.IGNORECASE)
_EQUAL = re.compile(rf"{_NAME}\s*(?:=\?=|==|\bis\b)\s*{_VALUE}", re.IGNORECASE)
_TURNED = re.compile(rf"{_VALUE}\s*(?:=\?=|==|\bis\b)\s*{_NAME}", re.IGNORECASE)
_DEFINED = re.compile(rf"{_NAME}\s*(?:=!=|\bisnt\b)\s*(?P<value>undefined|false)", re.IGNORECASE)
_ALONE = re.compile(rf"{_NAME}(?:\s*\?:\s*false)?", re.IGNORECASE)


def find_opt_ins(start: str, foreign: Container[str] = ()) -> list[tuple[str, str]]:
    """Return the names and values that a START expression demands of a job, one of each set of alternatives."""
    return [alternatives[0] for alternatives in find_demands(start, foreign)]


def find_demands(start: str, foreign: Container[str] = ()) -> list[list[tuple[str, str]]]:
    """Return the sets of alternative names and values that a START expression demands of a job.

    `foreign` are names (in lower case) that the machine doesn't have, so that they are the job's.
    """
    found: list[list[tuple[str, str]]] = []
    for part in _split(start, "&&"):
        if len(inner := _split(part, "&&")) > 1:
            found += [one for piece in inner for one in find_demands(piece, foreign)]
            continue
        tests = [_read_test(piece) for piece in _split(part, "||")]
        alternatives = [
            (name, value) for asked in tests for name, value, sure in asked if sure or name.lower() in foreign
        ]
        found += [alternatives] if alternatives else []
    return found


def list_bare_names(starts: Sequence[str]) -> list[str]:
    """Return the names in START expressions that are the machine's or the job's, whoever has them."""
    parts = [piece for start in starts for part in _split(start, "&&") for piece in _flatten(part)]
    return sorted({name for piece in parts for name, _, sure in _read_test(piece) if not sure}, key=str.lower)


def _flatten(text: str) -> list[str]:
    """Return the operands of a condition, however they are joined."""
    for operator in ("&&", "||"):
        if len(pieces := _split(text, operator)) > 1:
            return [one for piece in pieces for one in _flatten(piece)]
    return [text]


def _read_test(text: str) -> list[tuple[str, str, bool]]:
    """Return the names and values that a test accepts, and whether the name is surely a job's."""
    text = _strip(text)
    for pattern, value in ((_EQUAL, ""), (_TURNED, ""), (_DEFINED, "true"), (_ALONE, "true")):
        if test := pattern.fullmatch(text):
            said = value or test["value"]
            said = said.lower() if said.lower() == "true" else said
            bare = test["bare"] or ""
            is_alone = pattern is _ALONE and bare and not _SOUND.match(bare)  # `true`, or the machine's own flag
            return [] if is_alone else [(test["target"] or bare, said, not bare or bool(_SOUND.match(bare)))]
    if test := _LIST.fullmatch(text):
        name, bare = test["target"] or test["bare"], test["bare"] or ""
        words = [word for word in re.split(r"[\s,]+", test["words"]) if word]
        return [(name, f'"{word}"', not bare or bool(_SOUND.match(bare))) for word in words]
    return []


def _split(text: str, operator: str) -> list[str]:
    """Return the operands of an operator that are in no parentheses and no string."""
    text, parts, depth, begin, index = _strip(text), [], 0, 0, 0
    while index < len(text):
        if text[index] == '"':
            index = _end_string(text, index)
        depth += {"(": 1, ")": -1}.get(text[index : index + 1], 0)
        if depth == 0 and text.startswith(operator, index):
            parts.append(text[begin:index])
            begin = index + len(operator)
            index = begin
            continue
        index += 1
    return [*parts, text[begin:]]


def _end_string(text: str, index: int) -> int:
    """Return where the string ends that begins here."""
    index += 1
    while index < len(text) and text[index] != '"':
        index += 2 if text[index] == "\\" else 1
    return index


def _strip(text: str) -> str:
    """Return an expression without the parentheses around all of it."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for index, letter in enumerate(text):
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if depth == 0 and index < len(text) - 1:
                return text
        text = text[1:-1].strip()
    return text


def list_lacking(starts: Sequence[str], job: Mapping[str, Any], foreign: Container[str] = ()) -> list[str]:
    """Return the settings that jobs of a pool's machines have and this one lacks, most common first.

    A setting that the job has with another value is lacking, too; one whose value isn't a literal isn't.
    """
    known = {name.lower(): value for name, value in job.items()}
    counts: dict[str, int] = {}
    for start in starts:
        for alternatives in find_demands(start, foreign):
            if not any(_has(known, name.lower(), value) for name, value in alternatives):
                name, value = alternatives[0]
                setting = f"+{name} = {value}"
                counts[setting] = counts.get(setting, 0) + 1
    return sorted(counts, key=lambda setting: -counts[setting])


def _has(job: Mapping[str, Any], name: str, value: str) -> bool:
    """Return whether a job has an attribute with a value, or with one that isn't known here."""
    if name not in job:
        return False
    mine, wanted = job[name], parse_value(value)
    if isinstance(mine, (Expression, list, dict)) or str(mine).startswith("/Expr("):
        return True
    if isinstance(mine, str) and isinstance(wanted, str):
        return mine.lower() == wanted.lower()
    return bool(mine == wanted) or (wanted is True and bool(mine))


def parse_starts(ads: Sequence[Mapping[str, Any]], machines: Sequence[str]) -> list[str]:
    """Return the START expressions of some machines, from ads as `condor_status -json` prints them: `/Expr(...)/`."""
    found = [str(ad.get("Start", "")) for ad in ads if ad.get("Machine") in machines]
    return [start.removeprefix("/Expr(").removesuffix(")/") for start in found]
