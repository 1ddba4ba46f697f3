#!/bin/sh
# A part of other scripts: HTCondor may be missing in the PATH of a command that ssh runs. In turn: folders where it
# is elsewhere, the one that its configuration names, and those of the PATH that the user has at a login.
#
# `ssh/entry.py` folds this file into one line, and so does jupyter_session/condor/connection.py with its copy: neither
# single quotes nor backslashes or exclamation marks.
command -v condor_q >/dev/null || PATH=$PATH:$(echo /usr/bin /usr/local/bin /usr/local/condor/bin /opt/condor*/bin /opt/*/condor*/bin /usr/lib*/condor/bin ~/condor*/bin | tr " " :):$(sed -n "s/^ *RELEASE_DIR *= *//p" "${CONDOR_CONFIG:-/etc/condor/condor_config}" 2>/dev/null | tail -n 1)/bin
command -v condor_q >/dev/null || PATH=$PATH:$(echo /usr/bin/env | timeout 10 "${SHELL:-/bin/sh}" -l 2>/dev/null | sed -n "s/^PATH=//p" | tail -n 1)
