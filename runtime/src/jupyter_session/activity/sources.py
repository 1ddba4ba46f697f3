"""All sources of activity of a session, in the order in which `jupyter-session status` shows them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from jupyter_session.activity.extension_report import ExtensionReport, Get
from jupyter_session.activity.gpu import Gpu, find_devices, list_assigned
from jupyter_session.activity.grouping import Role
from jupyter_session.activity.kernels import Kernels
from jupyter_session.activity.process_groups import Processes
from jupyter_session.activity.programs_at_work import Programs, Work
from jupyter_session.activity.requests import Proxy, Requests
from jupyter_session.activity.sample import Source
from jupyter_session.activity.saving import Saving
from jupyter_session.settings import Settings


def find_gpu() -> Gpu | None:
    """Return the source for the job's GPUs, or None if it has no GPU or there is no driver."""
    devices = find_devices(list_assigned(os.environ))
    return Gpu(devices) if devices else None


def make_sources(
    get: Get,
    tell_use: Callable[[], Any],
    settings: Settings,
    processes: Processes,
    *,
    gpu: Gpu | None,
    refused: Callable[[], int],
) -> list[Source]:
    """Return every source.

    `get` asks the Jupyter server, and `tell_use` our extension of it; `refused` returns how many files the access point
    refuses.
    """
    work = Work(processes)
    report = ExtensionReport(tell_use)
    gpu_works = (lambda: gpu.works) if gpu else (lambda: False)
    kernels = Kernels(report.part("kernels"), get, work, settings.stall_timeout, gpu_works)
    return [
        *([gpu] if gpu else []),  # before the kernels, which ask it
        kernels,
        Programs("terminals", Role.TERMINAL, work),
        Programs("tmux", Role.PANE, work),
        Programs("ssh", Role.SSH, work),
        Programs("processes", Role.OTHER, work),
        Requests(report.part("requests")),
        Proxy(report.part("proxy")),
        Saving(refused, settings.stall_timeout),
    ]
