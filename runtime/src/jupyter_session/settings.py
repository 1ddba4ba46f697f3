"""The settings of a session: one table, from which --help, the README and the checks all come."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from jupyter_session.errors import UsageError
from jupyter_session.ports import PortRange, parse_port_range
from jupyter_session.units.durations import parse_duration
from jupyter_session.units.sizes import parse_size


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a session was asked to be. Durations are in seconds, sizes in bytes; None for one of them means never.

    `memory_guard` is a share of the slot's memory, above 0 and at most 1.
    """

    notebooks: Path
    port_range: PortRange | None
    idle_timeout: float | None
    idle_warning: float
    stall_timeout: float | None
    max_runtime: float | None
    max_extend: float
    memory_guard: float | None
    save_max_file: int
    save_max_total: int
    save_exclude: tuple[str, ...]
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


def _share(text: str) -> float | None:
    if text.strip().lower() == "never":
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text, re.ASCII)
    if not found or not 50 <= float(found[1]) <= 100:
        raise ValueError(f"{text!r} is no share of the memory: give 50% to 100%, or never")
    return float(found[1]) / 100


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(pattern for part in text.split(",") if (pattern := part.strip()))


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
    Setting("idle_warning", "DURATION", "5m", parse_duration, "warn so long before the session ends"),
    Setting(
        "stall_timeout", "DURATION", "4h", _timeout, "how long a busy kernel counts that shows no progress, or never"
    ),
    Setting("max_runtime", "DURATION", "never", _timeout, "end after so long, whatever works"),
    Setting("max_extend", "DURATION", "12h", parse_duration, "the most that `extend` may ask for at once"),
    Setting("memory_guard", "SHARE", "97%", _share, "stop the largest program at so much of the memory, or never"),
    Setting("save_max_file", "SIZE", "256MB", parse_size, "larger files come back at the end only"),
    Setting("save_max_total", "SIZE", "2GB", parse_size, "save files of so much in all meanwhile; 0 for none"),
    Setting(
        "save_exclude",
        "PATTERNS",
        ".ipynb_checkpoints, __pycache__",
        _patterns,
        "names that come back at the end only, with commas between",
    ),
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
