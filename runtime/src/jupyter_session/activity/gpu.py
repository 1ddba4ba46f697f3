"""GPUs: those that HTCondor gave to the job, and no others, by NVIDIA's own library."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from jupyter_session.activity.sample import Sample

#: Percent of use, as a mean since the last look, from which a GPU works.
WORKING = 5.0


class Device(Protocol):
    """One GPU."""

    def use(self) -> float | None:
        """Return its use in percent, as a mean since it was last asked; None where it can't tell."""


class Gpu:
    """Active while a GPU of the job works. `busy_seconds` is the sum of its use so far, for all of them."""

    name = "gpu"

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = devices
        self._looked: float | None = None
        self._last: float | None = None
        self.busy_seconds = 0.0
        self.works = False

    def sample(self, now: float) -> Sample:
        """Look once; pynvml's NVMLError when the driver does not answer."""
        told = [use for device in self._devices if (use := device.use()) is not None]
        if self._looked is not None:
            self.busy_seconds += sum(told) / 100 * (now - self._looked)
        self._looked = now
        self.works = any(use >= WORKING for use in told)
        if self.works:
            self._last = now
        uses = [f"{use:.0f} %" for use in told]
        if silent := len(self._devices) - len(told):
            uses.append(f"{silent} (MIG) can't tell its use")
        return Sample(source=self.name, active=self.works, last=self._last, detail=", ".join(uses))


def assigned(environ: Mapping[str, str]) -> list[str]:
    """Return the names of the job's GPUs: UUIDs, perhaps cut short, or numbers. Empty when it has none.

    HTCondor sets both variables; 10000 is its word for none.
    https://htcondor.readthedocs.io/en/latest/admin-manual/ep-policy-configuration.html
    """
    names = environ.get("_CONDOR_AssignedGPUs") or environ.get("CUDA_VISIBLE_DEVICES") or ""
    found = (name.strip() for name in names.split(","))
    return [name for name in found if re.fullmatch(r"(GPU|MIG)-[\w/-]+|(CUDA)?\d{1,3}", name)]


def matches(name: str, index: int, uuid: str) -> bool:
    """Say whether the GPU with this number and UUID is the one that `name` names."""
    return uuid.startswith(name) if name.startswith("GPU-") else name.removeprefix("CUDA") == str(index)


def find_devices(names: Sequence[str]) -> list[Device]:
    """Return the GPUs of these names; none where there is no driver."""
    if not names:
        return []
    import pynvml  # noqa: PLC0415 - only jobs with a GPU need it

    try:
        pynvml.nvmlInit()
        return list(_find(pynvml, names))
    except pynvml.NVMLError:
        return []


def _find(nvml: Any, names: Sequence[str]) -> Iterator[Device]:
    for name in names:
        if name.startswith("MIG-"):
            with suppress(nvml.NVMLError):
                yield _Nvml(nvml, nvml.nvmlDeviceGetHandleByUUID(name))
    for index in range(nvml.nvmlDeviceGetCount()):
        with suppress(nvml.NVMLError):  # one that the container may not open
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            uuid = nvml.nvmlDeviceGetUUID(handle)
            if any(matches(name, index, uuid) for name in names):
                yield _Nvml(nvml, handle)


class _Nvml:
    """A GPU by NVML (https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html)."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle
        self._seen = 0  # microseconds, of the driver's clock

    def use(self) -> float | None:
        nvml = self._nvml
        try:
            _, samples = nvml.nvmlDeviceGetSamples(self._handle, nvml.NVML_GPU_UTILIZATION_SAMPLES, self._seen)
        except nvml.NVMLError:
            samples = []
        if samples:
            self._seen = samples[-1].timeStamp
            return float(sum(sample.sampleValue.uiVal for sample in samples) / len(samples))
        try:
            return float(nvml.nvmlDeviceGetUtilizationRates(self._handle).gpu)
        except nvml.NVMLError_NotSupported:
            return None
