"""Whose jobs a question to the queue is about: the user's own, however HTCondor is configured.

Without a constraint, `condor_q` shows everybody's jobs where CONDOR_Q_ONLY_MY_JOBS is false, to a queue superuser, and
for a job ID; and the commands of a queue superuser act on everybody's jobs.
"""

from __future__ import annotations

import re

#: Prints whom the schedd takes the user for: a map file of the pool may give another name than that of the account.
PING = ("condor_ping", "-type", "schedd", "WRITE")
_IDENTITY = re.compile(r"succeeded as ([^\s@]+)@(\S+)")


def parse_owner(said: str) -> str:
    """Return the name that the user's jobs have as `Owner`, from what `PING` printed; "" if it isn't known."""
    found = _IDENTITY.search(said)
    return "" if not found or found[1] == "unauthenticated" or found[2] == "unmapped" else found[1]


def constrain(owner: str, condition: str) -> str:
    """Return the constraint of the jobs of a user that meet a condition."""
    return f"Owner == {quote_string(owner)} && ({condition})"


def quote_string(text: str) -> str:
    """Return a text as a ClassAd string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
