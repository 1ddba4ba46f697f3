"""What a submit file asks for, as far as it is on the access point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """The job's folder, its input files (the image among them), the name of its image, and its output folder."""

    iwd: Path
    inputs: tuple[Path, ...]
    image: str
    output: str

    @property
    def notebooks(self) -> Path:
        """The output folder, on the access point."""
        return self.iwd / self.output

    @classmethod
    def from_ad(cls, ad: Mapping[str, str]) -> Plan:
        """Read a job's string attributes. An input with `://` in its name is not on the access point."""
        iwd = Path(ad.get("Iwd", "."))
        inputs = _split_names(ad.get("TransferInput", ""))
        outputs = _split_names(ad.get("TransferOutput", ""))
        local = tuple(iwd / name for name in inputs if "://" not in name)
        return cls(iwd, local, Path(ad.get("ContainerImage", "")).name, outputs[0] if outputs else "notebooks")


def _split_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
