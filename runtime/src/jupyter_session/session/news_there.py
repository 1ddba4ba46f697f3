"""What is told of files that others put into the notebook folder on the access point."""

from __future__ import annotations

from jupyter_session.saveback import Report

#: A notification of JupyterLab has room for 140 characters.
_ONE = "{} is new on the access point. `jupyter-session fetch` brings it here."
_MANY = "{} files are new on the access point, such as {}. `jupyter-session fetch` brings them here."
_LONGEST = 50


class NewsThere:
    """Tells of each file once."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def update(self, report: Report) -> list[str]:
        """Take in a report; return what to tell."""
        new = [name for name, about in report.arrived.items() if self._told.get(name) != about]
        self._told = dict(report.arrived)
        if not new:
            return []
        name = new[0] if len(new[0]) <= _LONGEST else f"...{new[0][-_LONGEST:]}"
        return [_ONE.format(name) if len(new) == 1 else _MANY.format(len(new), name)]
