"""Read the events of a job event log in XML (`log_xml = true` in a submit file) or in JSON, as they are in plain text.

Each event is an ad: `<c>` ... `</c>` or `{` ... `}`, with those at the beginning of a line. The names of the attributes
are those of HTCondor's `ULogEvent::toClassAd`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from chtc_condor.codes import JobEventType

#: The line that begins an event, and the one that ends it.
DELIMITERS: Mapping[str, str] = {"<c>": "</c>", "{": "}"}
#: What plain text says of a transfer, by its Type.
_TRANSFERS = (
    "Entered queue to transfer input files",
    "Started transferring input files",
    "Finished transferring input files",
    "Entered queue to transfer output files",
    "Started transferring output files",
    "Finished transferring output files",
)
#: The attribute with HTCondor's reason, by type; the others have it in Reason, if they have one.
_REASONS: Mapping[int, str] = {
    JobEventType.SHADOW_EXCEPTION: "Message",
    JobEventType.JOB_HELD: "HoldReason",
    JobEventType.REMOTE_ERROR: "ErrorMsg",
    JobEventType.JOB_DISCONNECTED: "DisconnectReason",
}
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f"}

Ad = Mapping[str, Any]
#: The type of an event, its job, its time, its text, and the lines below it.
Parts = tuple[int, str, str, str, tuple[str, ...]]


def parse_ad(lines: Sequence[str]) -> Parts | None:
    """Return the parts of the event in whole lines of XML or JSON; None if they aren't a job's event."""
    try:
        ad = _read_xml(lines) if lines[0].startswith("<") else json.loads("\n".join(lines))
        return _get_parts(ad)
    except (ET.ParseError, ValueError, KeyError, TypeError, IndexError, RecursionError, OverflowError, AttributeError):
        return None


def _read_xml(lines: Sequence[str]) -> Ad:
    """Return the simple attributes of an ad; there is no DTD within an element."""
    found = ET.fromstring("\n".join(lines))  # noqa: S314
    ad: dict[str, Any] = {}
    for attribute in found:
        kind = attribute[0]
        if kind.tag == "b":
            ad[attribute.get("n", "")] = kind.get("v") == "t"
        elif kind.tag in ("s", "i", "r", "e"):
            ad[attribute.get("n", "")] = _unescape(kind.text or "")
    return ad


def _unescape(text: str) -> str:
    """Return a text of HTCondor's XML, which has backslashes doubled, and what isn't ASCII as octal bytes."""

    def put(found: re.Match[bytes]) -> bytes:
        what = found[1]
        return bytes([int(what, 8) & 255]) if what[:1].isdigit() and what < b"8" else _ESCAPED.get(what, what)

    return _ESCAPE.sub(put, text.encode(errors="replace")).decode(errors="replace")


def _get_parts(ad: Ad) -> Parts:
    number = int(ad["EventTypeNumber"])
    job = f"{int(ad['Cluster'])}.{int(ad['Proc'])}"
    at = str(ad["EventTime"]).replace("T", " ").partition(".")[0]
    if number == JobEventType.GENERIC:
        return number, job, at, str(ad.get("Info", "")).strip(), ()
    if number == JobEventType.FILE_TRANSFER:
        kind = int(ad.get("Type", 0))
        return number, job, at, _TRANSFERS[kind - 1] if 0 < kind <= len(_TRANSFERS) else "", ()
    return number, job, at, str(ad.get("MyType", "")), tuple(_list_details(number, ad))


def _list_details(number: int, ad: Ad) -> list[str]:
    """Return the lines that plain text has below the first one, as far as somebody reads them."""
    reason = str(ad.get(_REASONS.get(number, "Reason"), "")).strip()
    if number == JobEventType.JOB_EVICTED:
        return [f"Reason: {reason}"] if reason else []
    lines = reason.splitlines()
    if "HoldReasonCode" in ad:
        lines = [*(lines or [""]), f"Code {int(ad['HoldReasonCode'])} Subcode {int(ad.get('HoldReasonSubCode', 0))}"]
    if "SlotName" in ad:
        lines.append(f"SlotName: {ad['SlotName']}")
    if "ReturnValue" in ad:
        lines.append(f"(1) Normal termination (return value {int(ad['ReturnValue'])})")
    if "TerminatedBySignal" in ad:
        lines.append(f"(0) Abnormal termination (signal {int(ad['TerminatedBySignal'])})")
    notes = [str(ad[name]).strip() for name in ("LogNotes", "UserNotes") if ad.get(name)]
    if node := ad.get("DAGNodeName"):
        notes.append(f"DAG Node: {node}")
    return [*lines, *notes]
