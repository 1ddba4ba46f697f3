#!/bin/sh
# Start a verb of the test bed (ci/pool, ci/image, ...) on a machine that may have nothing installed:
# bootstrap.sh VERB [ARGUMENTS]. The rest is Python, its standard library alone.
set -eu
verb=$1
shift
stop() {
    printf 'ci/%s: %s\n' "$verb" "$1" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] ||
    stop "this needs root for namespaces and mounts: run it as root (sudo ci/$verb)."
os=$(sed -n 's/^\(ID\|ID_LIKE\)=//p' /etc/os-release 2>/dev/null | tr -d '"' | tr '\n' ' ')
case " $os " in
*" debian "* | *" ubuntu "*) ;;
*) stop "this needs Debian or Ubuntu, for apt-get and mmdebstrap; this machine runs '${os:-unknown}'." ;;
esac

if ! command -v python3 >/dev/null; then
    printf 'ci/%s: installing python3\n' "$verb" >&2
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    # The lock of host/apt.py: of two verbs at once, the second waits and finds it installed.
    # shellcheck disable=SC2016
    flock /run/jupyter-ci-apt.lock sh -c '
        command -v python3 || { apt-get update && apt-get install --yes --no-install-recommends python3; }
    ' </dev/null >"$log" 2>&1 ||
        stop "apt-get could not install python3 ($(tail -n 1 "$log")): check the network, and run this again."
    rm -f "$log"
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    stop "this needs Python 3.10 or newer as python3; this is $(python3 -V 2>&1)."

ci=$(dirname "$(dirname "$(readlink -f "$0")")")
export PYTHONPATH="$ci${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1
exec python3 -m testbed "$verb" "$@"
