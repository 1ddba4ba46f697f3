"""What a session's start must not import: each takes milliseconds of every start, and memory while it lasts."""

import os
import subprocess
import sys

HEAVY = {"asyncio", "email", "hashlib", "http", "jupyter_core", "jupyter_server", "psutil", "ssl", "tornado", "zmq"}
LOAD = """
import sys
from pathlib import Path
from jupyter_session.session import supervisor
from jupyter_session.jupyter.packages import Environment
from jupyter_session.packages.store import Store
Store(Path(sys.argv[1]), Environment(Path(sys.argv[1]))).read_version()
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_supervisor_starts_without_what_only_later_moments_need(tmp_path):
    command = [sys.executable, "-S", "-c", LOAD, str(tmp_path)]
    environ = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    loaded = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.split()
    assert "jupyter_session" in loaded
    assert not HEAVY.intersection(loaded)
