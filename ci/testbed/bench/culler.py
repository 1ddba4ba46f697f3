"""Compare the rule that ends idle sessions with other projects' rules, on simulated weeks of use."""

from __future__ import annotations

from testbed.artifacts import venv
from testbed.host import apt, checks
from testbed.host.errors import say


def main() -> int:
    """Print the table; return 1 if our rule ended work that someone waited for."""
    apt.install_all()
    place = venv.get().path
    argv = [str(place / "bin/python"), "-m", "testbed.bench.culling"]
    outcome = checks.show("the simulation", argv, venv.environment(place), venv.CHECKOUT)
    say(f"{outcome.seconds:.0f} s")
    return outcome.status
