"""The accounts on the hosts: the same names and numbers on each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """An account of the hosts: its name, its number (group too), its home and its shell."""

    name: str
    uid: int
    home: str
    shell: str = "/bin/bash"


#: People who log in; they have a home on the access point and on the laptop.
USERS = tuple(Account(name, 2001 + index, f"/home/{name}") for index, name in enumerate(("alice", "bob", "carol")))
#: The accounts of jobs in the first slot of the execution point: one for each dynamic slot.
SLOT_USERS = tuple(Account(f"slot1_{n}", 3000 + n, "/") for n in range(1, 33))
#: Accounts that Debian makes.
SYSTEM = (
    Account("root", 0, "/root"),
    Account("nobody", 65534, "/", "/usr/sbin/nologin"),
)


def find(name: str) -> Account:
    """Return the account ``name``; raises KeyError if there is none."""
    return {person.name: person for person in (*USERS, *SLOT_USERS, *SYSTEM)}[name]
