"""The settings of a session: one table, from which --help, the documentation, and the checks come."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from jupyter_session.errors import UsageError
from jupyter_session.ports import PortRange, parse_port_range
from jupyter_session.units.durations import NEVER, parse_duration, parse_timeout
from jupyter_session.units.sizes import parse_size


@dataclass(frozen=True)
class Setting:
    """One row of the table: how a setting is named, written, read, and explained."""

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


def _parse_share(text: str) -> float | None:
    if text.strip().lower() == NEVER:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text, re.ASCII)
    if not found or not 50 <= float(found[1]) <= 100:
        raise ValueError(f"Invalid share of memory {text!r}. Use a value from 50% to 100%, or never.")
    return float(found[1]) / 100


def _parse_patterns(text: str) -> tuple[str, ...]:
    return tuple(pattern for part in text.split(",") if (pattern := part.strip()))


def _parse_folder(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError(f"Invalid folder name {text!r}.")
    return Path(text)


def _parse_optional_range(text: str) -> PortRange | None:
    return parse_port_range(text) if text else None


def _parse_obey(text: str) -> bool:
    words = {"obey": True, "ignore": False}
    if text.strip().lower() not in words:
        raise ValueError(f"Invalid value {text!r}. Use obey or ignore.")
    return words[text.strip().lower()]


def _parse_switch(text: str) -> bool:
    words = {"on": True, "off": False}
    if text.strip().lower() not in words:
        raise ValueError(f"Invalid value {text!r}. Use on or off.")
    return words[text.strip().lower()]


def _parse_access_point(text: str) -> str | None:
    if text and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.:-]*", text):
        raise ValueError(f"Invalid access point {text!r}. Use the form USER@HOST.")
    return text or None


def _row(metavar: str, default: str, parse: Callable[[str], Any], help_text: str) -> dict[str, Any]:
    return {"metavar": metavar, "default": default, "parse": parse, "help": help_text}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one session. Durations are in seconds and sizes in bytes; None means never, or not given.

    `memory_guard` is a share of the slot's memory, above 0 and at most 1.
    """

    notebooks: Path = field(
        metadata=_row(
            "DIR", "notebooks", _parse_folder, "folder that JupyterLab opens and that HTCondor transfers with the job"
        )
    )
    port_range: PortRange | None = field(
        metadata=_row(
            "LO-HI", "", _parse_optional_range, "choose the port from this range (default: below the ephemeral ports)"
        )
    )
    idle_timeout: float | None = field(
        metadata=_row("DURATION", "30m", parse_timeout, 'shut down after this much inactivity ("never" disables)')
    )
    idle_warning: float = field(
        metadata=_row("DURATION", "5m", parse_duration, "warn this long before the session ends")
    )
    stall_timeout: float | None = field(
        metadata=_row(
            "DURATION",
            "4h",
            parse_timeout,
            'stop counting a busy kernel as activity after this long without progress ("never" disables)',
        )
    )
    max_runtime: float | None = field(
        metadata=_row("DURATION", NEVER, parse_timeout, "shut down after this long, even if the session is in use")
    )
    machine_limits: bool = field(
        metadata=_row(
            "CHOICE", "obey", _parse_obey, "end in order before the machine would end the job (obey), or don't (ignore)"
        )
    )
    max_extend: float = field(
        metadata=_row("DURATION", "12h", parse_duration, "longest duration that `extend` accepts at once")
    )
    memory_guard: float | None = field(
        metadata=_row(
            "SHARE", "97%", _parse_share, 'memory use at which to stop the largest program ("never" disables)'
        )
    )
    save_max_file: int = field(
        metadata=_row(
            "SIZE", "256MB", parse_size, "don't save larger files while running; they return when the job ends"
        )
    )
    save_max_total: int = field(
        metadata=_row("SIZE", "2GB", parse_size, "total size to save while running (0 disables)")
    )
    save_exclude: tuple[str, ...] = field(
        metadata=_row(
            "PATTERNS",
            ".ipynb_checkpoints, __pycache__",
            _parse_patterns,
            "comma-separated names to skip while running; they return when the job ends",
        )
    )
    recorder: bool = field(
        metadata=_row(
            "CHOICE", "on", _parse_switch, "keep the output of notebooks whose browser is away (on), or don't (off)"
        )
    )
    access_point: str | None = field(
        metadata=_row(
            "USER@HOST",
            "",
            _parse_access_point,
            "access point as your laptop reaches it (default: from the job ad)",
        )
    )


TABLE = tuple(Setting(row.name, **row.metadata) for row in fields(Settings))


def resolve(arguments: Mapping[str, str | None], environ: Mapping[str, str], job_ad: Mapping[str, object]) -> Settings:
    """Return every setting from the arguments, or else the environment, the job ad, or the default, in that order.

    `job_ad` maps attribute names in lower case to their values. Raises UsageError, which names the offender and its
    origin, if a value is invalid.
    """
    values: dict[str, Any] = {}
    for setting in TABLE:
        given = arguments.get(setting.name)
        from_ad = job_ad.get(setting.attribute.lower())
        if given is not None:
            origin, text = setting.flag, given
        elif setting.variable in environ:
            origin, text = f"Environment variable {setting.variable}", environ[setting.variable]
        elif from_ad is not None:
            origin, text = f"Job attribute {setting.attribute}", str(from_ad)
        else:
            origin, text = "Default", setting.default
        try:
            values[setting.name] = setting.parse(text)
        except ValueError as error:
            raise UsageError(f"{origin}: {error}") from None
    return Settings(**values)
