#!/bin/sh
# libtmux 0.62.0 with tmux 3.3a or newer: `Pane.send_keys(text)` passes the text to tmux as one argument, and two kinds
# of text don't arrive as they are. A text that begins with "-" is read by tmux as options: none of it arrives, and
# libtmux raises nothing. A text that ends with ";" loses it, because tmux takes a final ";" for its own separator of
# commands. A ";" in the middle arrives. `literal=True` changes neither. What does arrive is `suppress_history=True` for
# the first (it puts a space in front) and "\;" at the end for the second.
#
# Seen (the pane runs cat -u, which echoes each line once more):
#   'one;'    -> 'one'
#   '-n two'  -> ''
#   'a;b'     -> 'a;b'
#   'three\;' -> 'three;'
set -eu
command -v tmux >/dev/null || { echo "tmux isn't installed: install it, then run this again."; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check libtmux==0.62.0
TMUX_TMPDIR=$folder "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys, time
from pathlib import Path

import libtmux

SENT = {"one;": "one", "-n two": "", "a;b": "a;b", "three\\;": "three;"}
server = libtmux.Server(socket_name="finding", config_file="/dev/null")
try:
    for number, (text, arrives) in enumerate(SENT.items()):
        for literal in (False, True):
            got = Path(sys.argv[1], f"{number}-{literal}")
            pane = server.new_session(f"s{number}-{literal}", window_command=f"cat > '{got}'").active_pane
            pane.send_keys(text, enter=True, literal=literal)
            pane.send_keys("stop", enter=True)
            deadline = time.monotonic() + 10
            while "stop" not in (got.read_text() if got.exists() else ""):
                assert time.monotonic() < deadline, (text, got.exists() and got.read_text())
                time.sleep(0.1)
            line = got.read_text().splitlines()[0].removesuffix("stop")
            assert line == arrives, (text, literal, got.read_text())
        print(f"{text!r:10} -> {arrives!r}")
finally:
    server.kill()
PYTHON
