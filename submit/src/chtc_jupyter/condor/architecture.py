"""For which kind of processor an image is, and which kinds of machines a job asks for, by HTCondor's names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from chtc_jupyter.errors import UsageError

#: HTCondor's `Arch`, by what people and `uname -m` call it.
_NAMES = {
    "x86_64": "X86_64",
    "x86-64": "X86_64",
    "amd64": "X86_64",
    "aarch64": "aarch64",
    "arm64": "aarch64",
    "arm": "aarch64",
    "ppc64le": "ppc64le",
}
#: The codes of an image in Singularity's format (SIF): the header is a line for the kernel, 10 bytes of magic, the
#: version, and the architecture (github.com/sylabs/sif, pkg/sif/arch.go).
_CODES = {"02": "X86_64", "04": "aarch64", "06": "ppc64le"}
_HEADER = re.compile(r"SIF_MAGIC\0\d\d\0(\d\d)\0")
#: The command, without the path, that prints the header of an image.
READ_HEADER = ("head", "-c", "48")
#: What follows the header of an image that Apptainer has made, but not from this project's definition.
FOREIGN = "has no jupyter-session"
_CONDITION = re.compile(r'\b(?:TARGET\s*\.\s*)?Arch\s*(?:==|=\?=|\bis\b)\s*"([\w.-]{1,40})"', re.IGNORECASE)
#: What HTCondor replaces by the machine's architecture.
PLACEHOLDER = re.compile(r"\$\$\(Arch\)", re.IGNORECASE)


def parse_architecture(text: str) -> str:
    """Return HTCondor's name of an architecture. Raises UsageError if there is none of this name."""
    found = _NAMES.get(text.strip().lower())
    if found is None:
        raise UsageError(f"Invalid architecture {text!r}. Use x86_64 or aarch64 (ARM).")
    return found


def find_architecture(machine: str) -> str:
    """Return HTCondor's name of what `uname -m` prints, or this itself."""
    return _NAMES.get(machine.lower(), machine)


def read_image(header: str) -> str:
    """Return for which architecture an image is, by its first bytes; "" if they don't say so."""
    found = _HEADER.search(header)
    return _CODES.get(found[1], "") if found else ""


def is_foreign(head: str) -> bool:
    """Return whether an image is known to have no session in it; `head` is its header and what was found out."""
    return head.rstrip().endswith(f"\n{FOREIGN}")


def name_variant(image: str, architecture: str) -> str:
    """Return the path of an image for another architecture: jupyter-aarch64.sif beside jupyter.sif."""
    stem, extension = posixpath.splitext(image)
    return f"{stem}-{architecture}{extension}"


def list_wanted(requirements: str) -> list[str]:
    """Return the architectures that a job's requirements name, each once."""
    return list(dict.fromkeys(_CONDITION.findall(requirements)))


def build_condition(architecture: str) -> str:
    """Return the requirement for machines of an architecture."""
    return f'TARGET.Arch == "{architecture}"'


def combine(requirements: str | None, architecture: str) -> str:
    """Return requirements that ask for an architecture, too."""
    condition = build_condition(architecture)
    if not requirements:
        return condition
    return requirements if list_wanted(requirements) == [architecture] else f"({requirements}) && ({condition})"


def describe_mismatch(image: str, kind: str, wanted: Sequence[str]) -> str:
    """Return that an image is for other machines than those that the job asks for."""
    machines = " or ".join(wanted)
    return f"The image {image} is for {kind} machines, but the job asks for {machines} ones."
