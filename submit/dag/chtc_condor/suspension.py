"""Decide whether a job may be suspended for a moment at its start: not if its own policy depends on that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chtc_condor.dry_run import Ad, Expression

#: The attribute by which a job allows it, or its operators forbid it.
ALLOWED = "JupyterEarlyEntry"
#: Seconds that it takes at most, unless something is wrong.
_MOMENT = 10
_ABOUT = re.compile(r"suspen", re.IGNORECASE)
_STATUS = re.compile(r"\bJobStatus\b", re.IGNORECASE)
#: A comparison that is false for a suspended job.
_OTHER_STATUS = re.compile(r"\bJobStatus\s*(?:==|=\?=|\bis\b)\s*[1-6]\b", re.IGNORECASE)
_POLICIES = ("periodic", "onexit")


def may_suspend(ad: Ad) -> bool:
    """Return whether a job of this ad (with lowercase names) may be suspended for a moment."""
    if (own := ad.get(ALLOWED.lower())) is not None:
        return own is True
    return not any(_is_policy(name, value) for name, value in ad.items())


def is_moment(ad: Mapping[str, Any], now: float) -> bool:
    """Return whether a suspended job's ad (as `condor_q` prints it) is that of a session at its early way in."""
    since = ad.get("EnteredCurrentStatus")
    is_recent = isinstance(since, (int, float)) and now - since < _MOMENT
    return ad.get(ALLOWED) is True and is_recent and ad.get("JupyterState") not in ("ready", "expiring")


def _is_policy(name: str, value: object) -> bool:
    """Return whether an attribute says something of being suspended; HTCondor's own count how often and how long."""
    if isinstance(value, Expression) and name.startswith(_POLICIES) and _STATUS.search(_OTHER_STATUS.sub("", value)):
        return True
    return bool(
        _ABOUT.search(value) if isinstance(value, Expression) else isinstance(value, bool) and _ABOUT.search(name)
    )
