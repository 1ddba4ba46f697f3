"""Run a command on a terminal of its own, joined to this process's standard streams.

Sent to a host as ``python3 -c``: it stands alone. The exit status is the command's.
"""

import fcntl
import os
import pty
import signal
import sys
import termios


def resize(*_: object) -> None:
    """Give the command's terminal the size of ours, if ours is one."""
    if os.isatty(0):
        fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8))


def relay(fd: int) -> bytes:
    """Read what the command prints; take the chance to learn of its terminal."""
    global master
    if master < 0:
        master = fd
        resize()
        signal.signal(signal.SIGWINCH, resize)
    return os.read(fd, 1024)


master = -1
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], relay)) & 0xFF)
