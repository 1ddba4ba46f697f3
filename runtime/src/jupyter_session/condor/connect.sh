#!/bin/sh
# The access point's part of the connect line: condor_ssh_to_job, with a Unix socket forwarded to the job's port.
#
#   sh -c THIS_SCRIPT JOB FOLDER -t|-T [PORT]
#
# connection.py folds this file into one line for login shells of any kind, so it must not contain single quotes,
# backslashes, or exclamation marks. Without a PORT, ask_port.sh is in it, too; it must be a number. With -T there is no
# terminal, which would end all when the laptop disconnects.
#
# shellcheck disable=SC2015,SC2188,SC2317,SC2329
# The laptop waits for this word: startup files have let the command run. What they printed may lack a line end.
echo
echo way
FIND_CONDOR
j=$0 d=$1 m=$2 p=$3
# The keys of an agent would use up the number of tries.
unset SSH_AUTH_SOCK
e() {
    echo "$1"
    exit 1
}

# The laptop chose a name that nobody can know before. Whoever still made it first gets nothing: mkdir fails.
mkdir -m 700 "$d" && cd "$d" && >lab || e "Something was in the way of this tunnel: paste the line again."

# When the laptop disconnects, end everything that runs here, and remove the folder with the key that condor_ssh_to_job
# keeps in it.
export TMP="$d"
c() {
    trap : 15
    trap - 0
    rm -rf "$d"
    kill 0
    exit 1
}
trap c 0 1 2 15

# into_session.sh finds the session in the job; q is a dollar sign for the shell there.
q=$(echo JA== | base64 -d)
n="INTO_SESSION; [ ${q}1 ] || { echo failed: nobody can enter this job, not even its owner; exit 1; }"
ASK_PORT
expr "$p" : "[1-9][0-9]*$" >/dev/null || e "Job $j is not a session that runs. To see why, run condor_q $j on the access point."

exec 3<&0
[ "$m" = -T ] && { cat >/dev/null; kill 0; } <&3 &

# The inner command ends with the session, so that no open tunnel keeps the slot, and refuses a port that isn't the
# session's. Its last line ends everything, too: once another condor_ssh_to_job has come into the same container,
# HTCondor does not notice the end of the first (25.14, OsProc::SingEnterReaper), which would keep the slot.
s="ssh -o StreamLocalBindUnlink=yes -o ExitOnForwardFailure=yes -o ServerAliveInterval=15 -L $d/lab:127.0.0.1:$p"
condor_ssh_to_job -auto-retry -ssh "$s" "$j" "$n; exec ${q}* wait $p 2>&1" | {
    sed -u -e "/^stopped:/q" -e "/^failed:/q" -e "/^jupyter-session:/q"
    kill 0
} &
wait
