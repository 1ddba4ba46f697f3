"""Prints the TMUX_TMPDIR of the session that a shell belongs to, for the wrapper /usr/local/bin/tmux in the image."""

from __future__ import annotations

import os
import sys

from jupyter_session.errors import SessionError
from jupyter_session.state_dir import find_state_dir


def main() -> int:
    """Print the folder, or nothing if there is no session; return 1 if there are several."""
    try:
        state = find_state_dir(os.environ)
    except SessionError as error:
        print(f"tmux: {error}", file=sys.stderr)
        return 1
    if state.tmux_socket.is_socket():
        print(state.tmux_environment()["TMUX_TMPDIR"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
