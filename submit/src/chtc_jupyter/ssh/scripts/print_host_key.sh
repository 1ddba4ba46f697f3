#!/bin/sh
# On the access point, for ssh: prints the host key of a session as KnownHostsCommand wants it.
#
#   sh -c THIS_SCRIPT jupyter-JOB
#
# ../entry.py folds this file into one line; see enter_job.sh.
j=${0##*jupyter-}
expr "$j" : "[0-9][0-9.]*$" >/dev/null &&
echo "* $(condor_q "$j" -af JupyterHostKey </dev/null)"
