#!/bin/sh
# What the connect line runs on the access point: condor_ssh_to_job, with a Unix socket forwarded to the job's port.
#
# connection.py replaces the words between at signs, folds this file into one line, and puts it between double quotes
# inside single quotes. So it must have no quotes, backquotes, exclamation marks, dollar signs, or here-documents: login
# shells on the access point could each read them in their own way.
#
# shellcheck disable=SC2015,SC2188,SC2317,SC2329

# The access point may learn late that a connection is dead, after the line has been pasted again. So each login makes
# the folder again, changes to it, and removes only what is in the current folder: never what a later login put there.
rm -rf @folder@
mkdir -m 700 @folder@ && cd @folder@ && >lab || exit 1

# When the laptop disconnects, end everything that runs here, and remove the folder with the key that condor_ssh_to_job
# keeps in it.
c() {
    trap : 15
    rm -rf ./*
    rmdir @folder@ 2>/dev/null
    kill 0
}
trap c 0 1 2 15

# The keys of an agent would use up the number of tries.
unset SSH_AUTH_SOCK

# The inner command ends with the session, so that no open tunnel keeps the slot. Its last line ends everything, too:
# once another condor_ssh_to_job has come into the same container, HTCondor does not notice the end of the first (25.14,
# OsProc::SingEnterReaper), which would keep the slot.
TMP=@folder@ condor_ssh_to_job -auto-retry -ssh @ssh@ @job@ jupyter-session wait @port@ | {
    sed -u -e /^stopped:/q -e /^failed:/q
    kill 0
} &
wait
