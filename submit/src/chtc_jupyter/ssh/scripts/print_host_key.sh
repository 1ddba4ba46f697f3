#!/bin/sh
# On the access point, for ssh: prints the host key of a session as KnownHostsCommand wants it.
#
#   sh -c THIS_SCRIPT jupyter-JOB [FOLDER...]
#
# ../entry.py folds this file into one line; see enter_job.sh.
ADD_FOLDERS
FIND_CONDOR
j=${0##*jupyter-}
expr "$j" : "[0-9][0-9.]*$" >/dev/null || exit 1
h=$(condor_q "$j" -af "KEY_OF_THIS_RUN" </dev/null) || exit 1
unset SSH_AUTH_SOCK
# shellcheck disable=SC2034
q=$(echo JA== | base64 -d)
[ "$h" = undefined ] &&
ASK_HOST_KEY
echo
echo "* $h"
