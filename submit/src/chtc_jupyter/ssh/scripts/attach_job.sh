#!/bin/sh
# The access point's part of `chtc-jupyter attach`: opens the tmux of a session, if its job is the user's own.
#
#   sh -c THIS_SCRIPT JOB [FOLDER...]
#
# ../entry.py folds this file into one line; see enter_job.sh.
ADD_FOLDERS
FIND_CONDOR
j=$0
expr "$j" : "[0-9][0-9.]*$" >/dev/null || exit 1
o=$(condor_q "$j" -af Owner </dev/null) || {
  echo "condor_q on the access point failed. Try again in a minute." >&2
  exit 1
}
[ -n "$o" ] || exit 1
[ "$o" = "$(id -un)" ] ||
[ "$o" = "$(condor_ping -type schedd WRITE </dev/null 2>/dev/null | sed -n "s/.*succeeded as //p" | cut -d@ -f1)" ] ||
exit 1
# shellcheck disable=SC2034
q=$(echo JA== | base64 -d)
echo "Entering job $j. Ctrl-C gives up." >&2
unset SSH_AUTH_SOCK
exec condor_ssh_to_job -auto-retry -ssh "ssh -t" "$j" "INTO_SESSION; exec ${q}* attach"
