#!/bin/sh
# A part of other scripts: HTCondor may be missing in the PATH of a command that ssh runs. In turn: folders where it
# is elsewhere, the one that its configuration names, and those of the PATH that the user has at a login. Any shell
# reads the word, and tcsh takes no command beside -l. What a startup file leaves running may keep the output open.
#
# `ssh/entry.py` folds this file into one line, and so does jupyter_session/condor/connection.py with its copy: neither
# single quotes nor backslashes or exclamation marks.
command -v condor_q >/dev/null || {
  for p in /usr/bin /usr/local/bin /usr/local/condor/bin /opt/condor*/bin /opt/*/condor*/bin /usr/lib*/condor/bin ~/condor*/bin $(sed -n "s/^ *RELEASE_DIR *= *//p" "${CONDOR_CONFIG:-/etc/condor/condor_config}" 2>/dev/null | tail -n 1)/bin
  do
    [ -x "$p/condor_q" ] && PATH=$PATH:$p
  done
}
command -v condor_q >/dev/null || {
  p=$(echo /usr/bin/env | timeout 10 "${SHELL:-/bin/sh}" -l 2>/dev/null | timeout 12 sed -n "/^PATH=/{s/^PATH=//p;q}")
  PATH=$PATH${p:+:$p}
}
command -v condor_q >/dev/null || {
  echo "There is no condor_q: not in the PATH of a login on the access point, nor in the usual folders. chtc-jupyter config ap_path names another folder." >&2
  exit 1
}
