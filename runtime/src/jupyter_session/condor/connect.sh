#!/bin/sh
# The access point's part of the connect line: condor_ssh_to_job, with a Unix socket forwarded to the job's port.
#
#   sh -c THIS_SCRIPT JOB FOLDER -t|-T [PORT]
#
# connection.py folds this file into one line for login shells of any kind, so it must not contain single quotes,
# backslashes, or exclamation marks. Without a PORT, it is the one in the job ad, or that which the job knows, where its
# machine forbids chirp; it must be a number. With -T there is no terminal, which would end all when the laptop disconnects.
#
# shellcheck disable=SC2015,SC2188,SC2317,SC2329
# The laptop waits for this word: startup files have let the command run. What they printed may lack a line end.
echo
echo way
# HTCondor may be missing in the PATH of a command that ssh runs.
command -v condor_q >/dev/null || PATH=$PATH:/usr/bin:/usr/local/bin:/usr/local/condor/bin:$(echo /opt/condor*/bin /opt/*/condor*/bin | tr " " :)
j=$0 d=$1 m=$2 p=$3
# The keys of an agent would use up the number of tries. A connection that is shared may lead to another job there.
unset SSH_AUTH_SOCK
o="ssh -o ControlPath=none"
# into_session.sh finds the session in the job; q is a dollar sign for the shell there.
q=$(echo JA== | base64 -d)
n="INTO_SESSION"
[ -n "$p" ] || p=$(condor_q "$j" -af JupyterPort </dev/null)
for t in 1 2 3 4 5
do
    [ "$p" = undefined ] && [ "$(condor_q "$j" -af JobStatus </dev/null)" = 2 ] || break
    [ $t = 1 ] || { echo "Job $j has no port yet: asking again."; sleep 3; }
    p=$(timeout 25 condor_ssh_to_job -auto-retry -ssh "$o" "$j" "$n; exec ${q}* status --json" </dev/null 2>/dev/null | grep -o "port.: [1-9][0-9]*" | grep -o "[1-9].*")
    p=${p:-undefined}
done
expr "$p" : "[1-9][0-9]*$" >/dev/null || {
    [ "$p" = undefined ] && [ "$(condor_q "$j" -af JobStatus </dev/null)" = 2 ] && echo "Job $j runs, but has no port yet: paste the line again in a minute." ||
    echo "Job $j is not a session that runs. To see why, run condor_q $j on the access point."
    exit 1
}

# The laptop chose a name that nobody can know before. Whoever still made it first gets nothing: mkdir fails.
mkdir -m 700 "$d" && cd "$d" && >lab || {
    echo "Something was in the way of this tunnel: paste the line again."
    exit 1
}

# When the laptop disconnects, end everything that runs here, and remove the folder with the key that condor_ssh_to_job
# keeps in it.
c() {
    trap : 15
    rm -rf "$d"
    kill 0
}
trap c 0 1 2 15

exec 3<&0
[ "$m" = -T ] && { cat >/dev/null; kill 0; } <&3 &

# The inner command ends with the session, so that no open tunnel keeps the slot, and refuses a port that isn't the
# session's. Its last line ends everything, too: once another condor_ssh_to_job has come into the same container,
# HTCondor does not notice the end of the first (25.14, OsProc::SingEnterReaper), which would keep the slot.
s="$o -o StreamLocalBindUnlink=yes -o ExitOnForwardFailure=yes -o ServerAliveInterval=15 -L $d/lab:127.0.0.1:$p"
w="$n; [ ${q}1 ] || echo failed: nobody can enter this job, not even its owner; exec ${q}* wait $p"
TMP=$d condor_ssh_to_job -auto-retry -ssh "$s" "$j" "$w" | {
    sed -u -e "/^stopped:/q" -e "/^failed:/q"
    kill 0
} &
wait
