"""Run a command on a terminal of its own, joined to this process's standard streams.

Sent to a host as ``python3 -c``: it stands alone. The exit status is the command's.
"""

import fcntl
import os
import pty
import signal
import sys
import termios

#: The command's terminal, once it is known.
terminals: list[int] = []


def resize(*_: object) -> None:
    """Set the command's terminal to the size of ours, if ours is a terminal."""
    if terminals and os.isatty(0):
        size = fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8))
        fcntl.ioctl(terminals[0], termios.TIOCSWINSZ, size)


def relay(terminal: int) -> bytes:
    """Read what the command prints, and learn of its terminal at the first call."""
    if not terminals:
        terminals.append(terminal)
        resize()
    return os.read(terminal, 1024)


signal.signal(signal.SIGWINCH, resize)
code = os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], relay))
sys.exit(code if code >= 0 else 128 - code)  # ended by a signal: as a shell says it
