#!/bin/sh
# The access point's part of `ssh jupyter-JOB`: leads from its standard streams into the job.
#
#   sh -c THIS_SCRIPT jupyter-JOB KEY_TYPE KEY_BASE64 [GO [FOLDER...]]
#
# $0 is `jupyter-JOB` or the job, $1 and $2 are the public key that may log in. With GO, the input up to a line that
# is this word was for other shells, which startup files may have started, and is skipped. Prints the session's host key, a line
# that SSH allows before its own, and then is the connection. ../entry.py folds this file into one line for the access
# point's login shell, so it must not contain quotes of the other kind, backslashes, or exclamation marks.

# The job, and the public key. Only plain characters may reach a command below.
umask 77
j=${0##*jupyter-} k="$1 $2" go=$3
expr "$j $k" : "[0-9][0-9.]* [es][a-z0-9@.-]* AAAA[A-Za-z0-9+/=]*$" >/dev/null || {
  echo "ssh cannot connect: there is no job $j, or no public key. Use ssh jupyter-123." >&2
  exit 1
}

ADD_FOLDERS
FIND_CONDOR

# JobStatus 2 is RUNNING. Where a machine forbids chirp, what an earlier run of the job has published is still in the ad.
x=$(condor_q "$j" -af Owner JobStatus "KEY_OF_THIS_RUN" </dev/null) || {
  echo "ssh cannot connect: condor_q on the access point failed. Try again in a minute." >&2
  exit 1
}
# Split at spaces. The job must be the own one, because HTCondor lets a queue superuser into everybody else. The schedd
# may know the user by another name than that of the account.
# shellcheck disable=SC2086
set -- $x
[ -z "$1" ] || [ "$1" = "$(id -un)" ] ||
[ "$1" = "$(condor_ping -type schedd WRITE </dev/null 2>/dev/null | sed -n "s/.*succeeded as //p" | cut -d@ -f1)" ] || {
  echo "ssh cannot connect: job $j is not yours. Run chtc-jupyter list to see your sessions." >&2
  exit 1
}
[ "$2" = 2 ] || {
  echo "ssh cannot connect: job $j is not running. Run condor_q $j on the access point for details." >&2
  exit 1
}
# The job knows a key that is not in its ad. What runs in the job, or on its machine, is into_session.sh, with this for
# its dollar signs.
# shellcheck disable=SC2034
q=$(echo JA== | base64 -d)
# The keys of an agent would use up the number of tries.
unset SSH_AUTH_SOCK
h="$3 $4"
[ "$3" = undefined ] &&
ASK_HOST_KEY
# On a line of its own, whatever a startup file has printed before.
echo
echo "$h"
until [ -z "$go" ]
do
  read -r line || exit 1
  [ "$line" = "$go" ] && go=
done

# TMP is where condor_ssh_to_job keeps a key of its own.
d=$(mktemp -d "/tmp/jupyter-$j-XXXXXXXXXX") || exit 1

# From here on the shells write nothing themselves: they would report that the programs which they end were
# terminated, after each command of the user. What the user should read goes to 4.
exec 3>&1 4>&2 2>/dev/null

# However this ends, its folder goes, and so does every process of the connection.
# shellcheck disable=SC2064
trap "trap : PIPE TERM; rm -rf $d; kill 0" EXIT HUP INT PIPE TERM

# What runs in the job, or on its machine.
inside="INTO_SESSION; [ ${q}1 ] && exec ${q}* sshd $k"
inside="$inside; echo There is no jupyter-session where HTCondor runs the command: job $j is not a session, >&2"
inside="$inside; echo or its execution point has a setuid Apptainer and an HTCondor older than 24.0.20 or 25.0.10. >&2"
inside="$inside; echo jupyter-session sshd: the end >&2"
options="-o ServerAliveInterval=15 -o ServerAliveCountMax=4 -o LogLevel=ERROR"

# For some seconds after a job started nobody can get in: try again, a second apart. sed exits with 7 if HTCondor says
# that a later try may succeed, and with 5 when the part in the job has ended: HTCondor does not notice the end of a
# command in a container into which another one has come meanwhile (25.14, OsProc::SingEnterReaper).
for _ in $(seq 20)
do
  TMP=$d condor_ssh_to_job -ssh "ssh $options" "$j" "$inside" 2>&1 >&3 |
  {
    sed -u -e "/^jupyter-session sshd: the end$/Q5" -e "/Use -auto-retry/Q7" >&4
    s=$?
    [ $s = 5 ] && kill 0
    exit $s
  }
  [ $? = 7 ] || exit 1
  sleep 1
done
echo "ssh cannot connect: HTCondor does not let anyone into job $j yet. Try again in some seconds." >&4
