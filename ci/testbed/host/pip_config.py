"""How this machine reaches PyPI, as configuration for a pip inside a container."""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Options that are right inside another root too: not places on this machine's disk, nor its CA bundle.
OPTIONS = (
    *("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries"),
    *("no-index", "find-links"),
)
#: Environment variables that may name the machine's CA bundle, the first that is set wins.
BUNDLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def machine_options(environment: Mapping[str, str], files: Iterable[Path]) -> dict[str, str]:
    """Return this machine's pip options, among `OPTIONS`, without places on its disk.

    As with pip, a later file overrides an earlier one, and ``PIP_*`` variables override all.
    """
    found: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file)
        except configparser.Error:
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update(parser.items(section))
    for name in OPTIONS:
        value = environment.get("PIP_" + name.upper().replace("-", "_"))
        if value:
            found[name] = value
    if "default-timeout" in found:
        found.setdefault("timeout", found["default-timeout"])
    kept = {name: _elsewhere(found[name]) for name in OPTIONS if name in found}
    return {name: value for name, value in kept.items() if value}


def files() -> list[Path]:
    """Return where pip looks for its configuration, the strongest last."""
    home = Path.home()
    named = os.environ.get("PIP_CONFIG_FILE")
    return [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        home / ".config/pip/pip.conf",
        *([Path(named)] if named else []),
    ]


def bundle(environment: Mapping[str, str]) -> Path | None:
    """Return the machine's CA bundle where its environment names one."""
    named = [Path(environment[name]) for name in BUNDLES if environment.get(name)]
    return next((path for path in named if path.is_file()), None)


def render(options: Mapping[str, str]) -> str:
    """Return the text of a pip.conf."""
    lines = [f"{name} = {value}\n" for name, value in options.items()]
    return "[global]\n" + "".join(lines)


def _elsewhere(value: str) -> str:
    """Return a value without the words that are places on this machine's disk."""
    return " ".join(word for word in value.split() if not word.startswith(("/", "file:", ".", "~")))
