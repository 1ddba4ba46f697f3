"""Find in a machine's START expression what a job must say of itself, so that the machine takes it.

Shared GPU machines and build machines often take only jobs that opt in: `TARGET.WantGPULab =?= True`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_VALUE = r'(?P<value>true|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?)'
#: A name of the job's: with TARGET, or one that only a job has by its sound.
_NAME = r"(?:TARGET\s*\.\s*(?P<target>[A-Za-z_]\w*)|(?P<bare>(?:Want|Wants|Is)[A-Z]\w*))"
_EQUAL = re.compile(rf"{_NAME}\s*(?:=\?=|==|\bis\b)\s*{_VALUE}", re.IGNORECASE)
_TURNED = re.compile(rf"{_VALUE}\s*(?:=\?=|==|\bis\b)\s*{_NAME}", re.IGNORECASE)
_DEFINED = re.compile(rf"{_NAME}\s*(?:=!=|\bisnt\b)\s*(?P<value>undefined|false)", re.IGNORECASE)
_ALONE = re.compile(rf"{_NAME}(?:\s*\?:\s*false)?", re.IGNORECASE)


def find_opt_ins(start: str) -> list[tuple[str, str]]:
    """Return the names and values that a START expression demands of a job, one of each set of alternatives."""
    found: list[tuple[str, str]] = []
    for part in _split(start, "&&"):
        if len(inner := _split(part, "&&")) > 1:
            found += [one for piece in inner for one in find_opt_ins(piece)]
            continue
        alternatives = [asked for piece in _split(part, "||") if (asked := _read_test(piece))]
        found += alternatives[:1]
    return found


def _read_test(text: str) -> tuple[str, str] | None:
    text = _strip(text)
    for pattern, value in ((_EQUAL, ""), (_TURNED, ""), (_DEFINED, "true"), (_ALONE, "true")):
        if test := pattern.fullmatch(text):
            said = value or test["value"]
            return test["target"] or test["bare"], said.lower() if said.lower() == "true" else said
    return None


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


def list_lacking(starts: Sequence[str], job: Mapping[str, Any]) -> list[str]:
    """Return the settings that jobs of a pool's machines have and this one lacks, most common first."""
    known = {name.lower() for name in job}
    counts: dict[str, int] = {}
    for start in starts:
        for name, value in find_opt_ins(start):
            if name.lower() not in known:
                setting = f"+{name} = {value}"
                counts[setting] = counts.get(setting, 0) + 1
    return sorted(counts, key=lambda setting: -counts[setting])


def parse_starts(ads: Sequence[Mapping[str, Any]], machines: Sequence[str]) -> list[str]:
    """Return the START expressions of some machines, from ads as `condor_status -json` prints them: `/Expr(...)/`."""
    found = [str(ad.get("Start", "")) for ad in ads if ad.get("Machine") in machines]
    return [start.removeprefix("/Expr(").removesuffix(")/") for start in found]
