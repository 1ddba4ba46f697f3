"""What the rule that ends idle sessions gets right, beside others' rules, on made-up weeks of use."""

from __future__ import annotations

from testbed import apt, cache, checks, venv
from testbed.errors import say


def main() -> int:
    """Print the table; 1 if our rule ended what someone waited for."""
    apt.ensure(apt.venv(), log=cache.log("apt"))
    place = venv.get().path
    argv = [str(place / "bin/python"), "-m", "testbed.culling"]
    outcome = checks.show("the simulation", argv, venv.environment(place), venv.CHECKOUT)
    say(f"{outcome.seconds:.0f} s")
    return outcome.status
