"""What the watchdog runs while the session lasts: waits until the supervisor, its child, has ended.

Run as a file, by a Python that has imported next to nothing: `os` and `signal` alone would take a megabyte more. The
first arguments are the supervisor's process ID and what becomes of this process if a signal killed that: a command,
which gets the signal's number as its last word.
"""

import _signal  # type: ignore[import-not-found]
import posix
import sys

#: Seconds after which what becomes of this process is ended, whatever hangs: the slot must be free again.
_LAST_RESORT = 120


def main(supervisor: int, command: list[str]) -> int:
    """Pass the signals that end a session on to the supervisor; return its exit status when it has ended.

    The caller has blocked these signals and SIGCHLD, and what this process becomes has them blocked, too.
    """
    forwarded = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP)
    while True:
        number = _signal.sigwait((*forwarded, _signal.SIGCHLD))
        if number != _signal.SIGCHLD:
            posix.kill(supervisor, number)
            continue
        ended, status = posix.waitpid(supervisor, posix.WNOHANG)
        if ended:
            break
    exit_status = posix.waitstatus_to_exitcode(status)
    if exit_status >= 0:
        return exit_status
    _signal.alarm(_LAST_RESORT)
    try:
        posix.execv(command[0], [*command, str(-exit_status)])
    except OSError as error:
        said = f"jupyter-session: The session's supervisor was killed by signal {-exit_status}, and nothing could be"
        posix.write(2, f"{said} put in order after it ({error.strerror}).\n".encode())
    return 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
