"""Waits for the packages of an earlier session. Python imports it as it starts, so it imports next to nothing."""

import os
import sys
import time

_INTERVAL = 0.05  # seconds
_LONG = 5.0  # seconds after which the user wants to know


def wait(path: str) -> None:
    """Wait until a file has gone, which is there while packages are unpacked."""
    began, is_said = time.monotonic(), False
    while os.path.exists(path):  # noqa: PTH110 - pathlib takes long to import
        if not is_said and time.monotonic() - began > _LONG:
            is_said = True
            print("Waiting until the packages of the last session are unpacked ...", file=sys.stderr, flush=True)
        time.sleep(_INTERVAL)
