"""What jupyter_server keeps of a kernel's messages for a page that may come back, which it does without a limit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jupyter_session.recorder.subscription import split_frames

#: Bytes of output that stay: more than the backlog of the recorder, which tells a page what came before.
_LARGEST = 16_000_000
_OUTPUT = frozenset({"stream", "display_data", "execute_result", "update_display_data"})

Kept = tuple[str, list[bytes]]  # a channel and a message


def find_buffer(kernels: Any, kernel: str) -> Mapping[str, Any]:
    """Return what the server's manager of kernels keeps for a page of a kernel that may come back, if it does so."""
    found: Mapping[str, Any] = getattr(kernels, "_kernel_buffers", {}).get(kernel, {})
    return found


def trim(buffer: list[Kept], largest: int = _LARGEST) -> None:
    """Remove the oldest output from a buffer, in place, so that at most `largest` bytes of messages are left."""
    excess = sum(_measure(kept) for kept in buffer) - largest
    if excess <= 0:
        return
    left: list[Kept] = []
    for kept in buffer:
        if excess > 0 and _is_output(kept):
            excess -= _measure(kept)
        else:
            left.append(kept)
    buffer[:] = left


def _measure(kept: Any) -> int:
    return sum(len(frame) for frame in kept[1])


def _is_output(kept: Kept) -> bool:
    channel, frames = kept
    return channel == "iopub" and json.loads(split_frames(frames)[0])["msg_type"] in _OUTPUT
