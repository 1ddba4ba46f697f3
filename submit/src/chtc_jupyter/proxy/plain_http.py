"""The common messages, each read by one strict pattern: a GET without a body, and an answer of a stated length.

Nearly all that JupyterLab does is one of each, and h11, written in Python, takes longer for the two than all else at
the local port together. A pattern takes less than h11 does, never more: what it doesn't take is left to h11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from chtc_jupyter.proxy.http_head import Fields

_VALUE = rb"[\t\x20-\x7e\x80-\xff]*"
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(" + _VALUE + rb")\r\n")
_FIELDS = rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:" + _VALUE + rb"\r\n)*)\r\n"
_REQUEST = re.compile(rb"GET ([\x21-\x7e]+) HTTP/1\.1\r\n" + _FIELDS)
#: 304 has no body; the others have one of the length that is stated.
_ANSWER = re.compile(rb"HTTP/1\.1 (200|304|4[0-9]{2}|5[0-9]{2}) (" + _VALUE + rb")\r\n" + _FIELDS)
_LENGTH = re.compile(rb"[0-9]{1,15}")

#: Fields that say of a message that there is more to it.
_SPECIAL = frozenset((b"transfer-encoding", b"upgrade", b"expect", b"te", b"trailer", b"http2-settings"))


@dataclass(frozen=True)
class Answer:
    """An answer: its status line, its fields, what came of its body, and how much of that is to come."""

    start: bytes
    fields: Fields
    body: bytes
    to_come: int


def read_request(data: bytes) -> tuple[bytes, Fields] | None:
    """Return target and fields of a request, if that is all that there is and there is no more to it."""
    found = _REQUEST.fullmatch(data)
    fields = _read_fields(found[2]) if found else None
    if not found or fields is None:
        return None
    names = [name.lower() for name, _ in fields]
    return (found[1], fields) if names.count(b"host") == 1 and b"content-length" not in names else None


def read_answer(data: bytes) -> Answer | None:
    """Return the answer that begins with `data`, if its head is whole and there is no more to it."""
    found = _ANSWER.match(data)
    fields = _read_fields(found[3]) if found else None
    if not found or fields is None:
        return None
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    if found[1] == b"304" and not lengths:
        lengths = [b"0"]
    if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]) or (found[1] == b"304" and lengths != [b"0"]):
        return None
    body = data[found.end() :]
    to_come = int(lengths[0]) - len(body)
    return Answer(data[: data.index(b"\r\n")], fields, body, to_come) if to_come >= 0 else None


def write_request(target: bytes, fields: Fields) -> bytes | None:
    """Return a request as it is sent; None if it would not be read as the same."""
    written = _write(b"GET %b HTTP/1.1" % target, fields)
    return written if read_request(written) == (target, fields) else None


def write_answer(answer: Answer, fields: Fields) -> bytes | None:
    """Return the head of an answer with other fields, and what came of its body; None as `write_request`."""
    written = _write(answer.start, fields) + answer.body
    return written if read_answer(written) == replace(answer, fields=fields) else None


def _read_fields(lines: bytes) -> Fields | None:
    """Return the fields of a head; None if one of them says that there is more to the message."""
    fields = [(name, value.strip(b"\t ")) for name, value in _FIELD.findall(lines)]
    for name, value in fields:
        lower = name.lower()
        if lower in _SPECIAL or (lower == b"connection" and value.lower() != b"keep-alive"):
            return None
    return fields


def _write(start: bytes, fields: Fields) -> bytes:
    return b"".join((start, b"\r\n", *[b"%b: %b\r\n" % field for field in fields], b"\r\n"))
