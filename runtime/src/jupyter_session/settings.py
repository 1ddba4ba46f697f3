"""The settings of a session: one table, from which --help, the README and the checks all come."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from jupyter_session.durations import parse_duration
from jupyter_session.errors import UsageError
from jupyter_session.ports import PortRange, parse_port_range


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a session was asked to be. Durations are in seconds; None for one of them means never."""

    notebooks: Path
    port_range: PortRange | None
    idle_timeout: float | None
    idle_warning: float
    access_point: str | None


@dataclass(frozen=True)
class Setting:
    """One row of the table: how a setting is named, written, read and explained."""

    name: str
    metavar: str
    default: str
    parse: Callable[[str], Any]
    help: str

    @property
    def flag(self) -> str:
        """The command-line argument."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "JUPYTER_SESSION_" + self.name.upper()

    @property
    def attribute(self) -> str:
        """The job attribute: `My.NAME = value` in the submit file."""
        return "Jupyter" + self.name.title().replace("_", "")


def _timeout(text: str) -> float | None:
    return None if text.strip().lower() == "never" else _positive(text)


def _positive(text: str) -> float:
    seconds = parse_duration(text)
    if seconds <= 0:
        raise ValueError(f"{text!r} is too short: give more than 0 s, or never")
    return seconds


def _folder(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError(f"{text!r} is no folder name")
    return Path(text)


def _optional_range(text: str) -> PortRange | None:
    return parse_port_range(text) if text else None


def _access_point(text: str) -> str | None:
    if text and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.:-]*", text):
        raise ValueError(f"{text!r} is no USER@HOST")
    return text or None


TABLE = (
    Setting("notebooks", "DIR", "notebooks", _folder, "folder that JupyterLab opens and that travels with the job"),
    Setting("port_range", "LO-HI", "", _optional_range, "take the port from here (default: below the ephemeral ports)"),
    Setting("idle_timeout", "DURATION", "30m", _timeout, "end after so long without activity, or never"),
    Setting("idle_warning", "DURATION", "5m", parse_duration, "warn so long before that end"),
    Setting(
        "access_point",
        "USER@HOST",
        "",
        _access_point,
        "the access point as the laptop knows it (default: the job ad's)",
    ),
)


def resolve(arguments: Mapping[str, str | None], environ: Mapping[str, str], job_ad: Mapping[str, object]) -> Settings:
    """Read every setting from the arguments, else the environment, else the job ad, else the default.

    `job_ad` maps attribute names in lower case to their values. UsageError names the offender and where it stands.
    """
    values: dict[str, Any] = {}
    for setting in TABLE:
        given = arguments.get(setting.name)
        from_ad = job_ad.get(setting.attribute.lower())
        if given is not None:
            origin, text = setting.flag, given
        elif setting.variable in environ:
            origin, text = f"the environment variable {setting.variable}", environ[setting.variable]
        elif from_ad is not None:
            origin, text = f"the job attribute {setting.attribute}", str(from_ad)
        else:
            origin, text = "the default", setting.default
        try:
            values[setting.name] = setting.parse(text)
        except ValueError as error:
            raise UsageError(f"{origin}: {error}.") from None
    return Settings(**values)


assert [setting.name for setting in TABLE] == [field.name for field in fields(Settings)]
