"""The names of what is kept of the packages, in the session's own folder of the notebook folder."""

from __future__ import annotations

import sysconfig

#: What was asked for, for a Python or a machine that has no archive of its own: a requirements file.
REQUIREMENTS = "packages.txt"
#: The archives of all kinds of Python and machine.
ARCHIVES = "packages-*.tar.zst"
#: An archive that is being made. A session that was killed leaves it behind.
UNFINISHED = "packages.unfinished"


def name_archive() -> str:
    """Return the name of the archive for this Python on this type of machine; compiled packages fit no other."""
    return f"packages-{sysconfig.get_config_var('SOABI')}.tar.zst"
