"""The job's cores, for programs that would count the machine's: HTCondor sets OMP_NUM_THREADS and others, not these."""

from __future__ import annotations

from collections.abc import MutableMapping

#: Read by Python 3.13's os.cpu_count(), joblib, numba, polars, Rust's thread pools, and R's `parallel`.
_VARIABLES = (
    "PYTHON_CPU_COUNT",
    "LOKY_MAX_CPU_COUNT",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "MC_CORES",
)


def set_cores(environ: MutableMapping[str, str], cores: object) -> None:
    """Set the number of cores where the job's environment doesn't; `cores` is what the slot's ad says."""
    if isinstance(cores, (int, float)) and cores > 0:
        for name in _VARIABLES:
            environ.setdefault(name, str(max(1, int(cores))))
