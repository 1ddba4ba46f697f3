"""What a submit file asks for, as far as it is on the access point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """The job's folder, the files and folders that go in, the image among them, and the folder that comes back."""

    iwd: Path
    inputs: tuple[Path, ...]
    image: str
    output: str

    @property
    def notebooks(self) -> Path:
        """The folder that comes back, on the access point."""
        return self.iwd / self.output

    @classmethod
    def of(cls, ad: Mapping[str, str]) -> Plan:
        """Read a job's string attributes. What has a `://` is not on the access point."""
        iwd = Path(ad.get("Iwd", "."))
        inputs = _names(ad.get("TransferInput", ""))
        outputs = _names(ad.get("TransferOutput", ""))
        local = tuple(iwd / name for name in inputs if "://" not in name)
        return cls(iwd, local, Path(ad.get("ContainerImage", "")).name, outputs[0] if outputs else "notebooks")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
