"""The access point's part of `ssh jupyter-JOB`: a line for /bin/sh that leads from its standard streams into the job.

The same line stands in submit/ssh_config, which no program has made: so it has no newline, and nothing that a login
shell would read within single quotes (sh, fish, tcsh): no quote of that kind, no backslash, no history.
"""

from __future__ import annotations

#: What the job's sshd says last. HTCondor does not notice the end of a command in a container into which another has
#: come meanwhile (25.14, OsProc::SingEnterReaper): so we end when it has said so.
LAST_LINE = "jupyter-session sshd: the end"
#: Tries to get in, a second apart: for some seconds after a job's start nobody can.
TRIES = 20

_INSIDE = (
    "command -v jupyter-session >/dev/null && exec jupyter-session sshd $k; "
    "echo There is no jupyter-session where HTCondor runs what ssh asks for: "
    "job $j is no session, or its machine has an HTCondor older than 24.0.20 or 25.0.10, "
    "which runs it outside of the container. >&2; "
    f"echo {LAST_LINE} >&2"
)
_OPTIONS = "ssh -o ServerAliveInterval=15 -o ServerAliveCountMax=4 -o LogLevel=ERROR"
_CHECK = (
    'expr "$j $k" : "[0-9][0-9.]* [es][a-z0-9@.-]* AAAA[A-Za-z0-9+/=]*$" >/dev/null || '
    '{ echo "There is no job $j, or no public key: say ssh jupyter-123." >&2; exit 1; }'
)
_ENTER = (
    f'TMP=$d condor_ssh_to_job -ssh "{_OPTIONS}" $j "{_INSIDE}" 2>&1 >&3 | '
    f'{{ sed -u -e "/^{LAST_LINE}$/Q5" -e "/Use -auto-retry/Q7" >&2; s=$?; [ $s = 5 ] && kill 0; exit $s; }}'
)
#: $0 is `jupyter-JOB` or the job; $1 and $2 are the public key that may log in. It prints the session's host key, a
#: line that SSH allows before its own, and then is the connection. Exit status 7 of sed: HTCondor says that a later
#: try may succeed; 5: the job's part has ended. TMP is where condor_ssh_to_job keeps a key of its own.
SCRIPT = "; ".join(
    (
        "umask 77",
        'j=${0##*jupyter-} k="$1 $2"',
        _CHECK,
        "set -- $(condor_q $j -af JobStatus JupyterHostKey </dev/null)",
        '[ "$1" = 2 ] || { echo "Job $j does not run: condor_q $j says more, on the access point." >&2; exit 1; }',
        "echo $2 $3",
        "d=$(mktemp -d /tmp/jupyter-$j-XXXXXXXXXX) || exit 1",
        'trap "trap : 13 15; rm -rf $d; kill 0" 0 1 2 13 15',
        "unset SSH_AUTH_SOCK",
        "exec 3>&1",
        f"for i in $(seq {TRIES})",
        f"do {_ENTER}",
        "[ $? = 7 ] || exit 1",
        "sleep 1",
        "done",
        'echo "HTCondor lets nobody into job $j yet: try again in some seconds." >&2',
    )
)

#: $0 is `jupyter-JOB`: prints its host key as KnownHostsCommand wants it.
HOST_KEY = (
    'j=${0##*jupyter-}; expr "$j" : "[0-9][0-9.]*$" >/dev/null && echo "* $(condor_q $j -af JupyterHostKey </dev/null)"'
)


def command(job: str, key: str) -> str:
    """Return the words for the access point's login shell; `key` is `TYPE BASE64`, both must be of plain characters."""
    return f"exec sh -c '{SCRIPT}' {job} {key}"
