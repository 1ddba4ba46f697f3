"""The GPUs that HTCondor assigned to the job, and no others, measured by NVIDIA's own library."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from jupyter_session.activity.sample import Sample

_LOG = logging.getLogger(__name__)

#: Percent of use, as a mean since the last look, from which a GPU is active.
WORKING = 5.0


class Device(Protocol):
    """One GPU."""

    def use(self) -> float | None:
        """Return its use in percent, as a mean since the last call, or None if it doesn't report any."""


class Gpu:
    """Active while a GPU of the job is. `busy_seconds` is the sum of the use of all GPUs so far."""

    name = "gpu"

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = devices
        self._looked: float | None = None
        self._last: float | None = None
        self.busy_seconds = 0.0
        self.works = False

    def sample(self, now: float) -> Sample:
        """Look once. Raises pynvml's NVMLError if the driver does not answer."""
        reported = [use for device in self._devices if (use := device.use()) is not None]
        if self._looked is not None:
            self.busy_seconds += sum(reported) / 100 * (now - self._looked)
        self._looked = now
        self.works = any(use >= WORKING for use in reported)
        if self.works:
            self._last = now
        uses = [f"{use:.0f} %" for use in reported]
        if silent := len(self._devices) - len(reported):
            uses.append(f"{silent} (MIG) without a known use")
        return Sample(source=self.name, active=self.works, last=self._last, detail=", ".join(uses))


def list_assigned(environ: Mapping[str, str]) -> list[str]:
    """Return the names of the job's GPUs: UUIDs, which may be cut short, or numbers. Empty if it has none.

    HTCondor sets both variables; 10000 means none.
    https://htcondor.readthedocs.io/en/latest/admin-manual/ep-policy-configuration.html
    """
    names = environ.get("_CONDOR_AssignedGPUs") or environ.get("CUDA_VISIBLE_DEVICES") or ""
    found = (name.strip() for name in names.split(","))
    return [name for name in found if re.fullmatch(r"(GPU|MIG)-[\w/-]+|(CUDA)?\d{1,3}", name)]


def matches_name(name: str, index: int, uuid: str) -> bool:
    """Return whether `name` is the name of the GPU with this number and UUID."""
    return uuid.startswith(name) if name.startswith("GPU-") else name.removeprefix("CUDA") == str(index)


def find_devices(names: Sequence[str]) -> list[Device]:
    """Return the GPUs of these names; none if there is no driver."""
    if not names:
        return []
    import pynvml  # noqa: PLC0415 - only jobs with a GPU need it

    try:
        pynvml.nvmlInit()
        return list(_find(pynvml, names))
    except pynvml.NVMLError as error:
        _LOG.debug("no GPU can be measured: %s", error)
        return []


def _find(nvml: Any, names: Sequence[str]) -> Iterator[Device]:
    for name in names:
        if name.startswith("MIG-"):
            try:
                yield _Nvml(nvml, nvml.nvmlDeviceGetHandleByUUID(name))
            except nvml.NVMLError as error:
                _LOG.debug("%s can't be opened: %s", name, error)
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            uuid = nvml.nvmlDeviceGetUUID(handle)
        except nvml.NVMLError as error:  # one that the container may not open
            _LOG.debug("GPU %d can't be opened: %s", index, error)
            continue
        if any(matches_name(name, index, uuid) for name in names):
            yield _Nvml(nvml, handle)


class _Nvml:
    """A GPU measured with NVML (https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html)."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle
        self._has_samples = True
        self._seen = 0  # microseconds of the driver's clock

    def use(self) -> float | None:
        nvml = self._nvml
        try:
            _, samples = nvml.nvmlDeviceGetSamples(self._handle, nvml.NVML_GPU_UTILIZATION_SAMPLES, self._seen)
        except nvml.NVMLError as error:
            if self._has_samples:
                _LOG.debug("a GPU has no samples: %s", error)
            self._has_samples, samples = False, []
        if samples:
            self._seen = samples[-1].timeStamp
            return float(sum(sample.sampleValue.uiVal for sample in samples) / len(samples))
        try:
            return float(nvml.nvmlDeviceGetUtilizationRates(self._handle).gpu)
        except nvml.NVMLError_NotSupported:
            return None
