#!/bin/sh
# End the build of the image at once if its base can't have JupyterLab in it, and say what works instead.
set -eu
PRETTY_NAME="This base"
# shellcheck source=/dev/null
[ ! -r /etc/os-release ] || . /etc/os-release

refuse() {
    echo "$PRETTY_NAME $1 Build jupyter.sif from the default base, and then add this base to it, which any base can be:" >&2
    echo "    apptainer build --build-arg BASE=... mine.sif runtime/recipes/own-base.def" >&2
    exit 1
}

command -v apt-get >/dev/null || refuse "has no apt-get, by which Apptainer.def installs tmux, OpenSSH, and git."
users=$(awk '{ n += $3 } END { print n }' /proc/self/uid_map)
[ "$users" != 1 ] || echo 'APT::Sandbox::User "root";' >/etc/apt/apt.conf.d/one-user
apt-get update -qq
offered=$(LC_ALL=C apt-cache show --no-all-versions python3 2>/dev/null | sed -n 's/^Version: \([0-9]*\.[0-9]*\).*/\1/p')
minor=${offered#3.}
[ -n "$minor" ] || refuse "has no package python3, which JupyterLab needs."
[ "$minor" -ge 11 ] || refuse "has Python $offered, but JupyterLab needs 3.11 or newer here."
