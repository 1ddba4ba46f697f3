#!/bin/sh
# A part of connect.sh: the port of job $j, which is the one in the job ad, or that which the job knows.
#
# shellcheck disable=SC2034,SC2086,SC2154
# Where a machine forbids chirp, what an earlier run of the job has published is still in the ad. 2 is RUNNING.
x=$(condor_q "$j" -af JobStatus "ifThenElse((JupyterStart ?: JobCurrentStartDate) =?= JobCurrentStartDate, JupyterPort, undefined)" </dev/null) || e "HTCondor on this access point can not look for job $j: condor_q failed."
set -- $x
p=$2 r=""
for t in 1 2 3 4 5
do
    [ "$1 $p" = "2 undefined" ] || break
    echo "Asking job $j for its port."
    # Not waited for in the foreground, so that Ctrl-C is heard at once.
    timeout --foreground 25 condor_ssh_to_job -auto-retry "$j" "$n; exec ${q}* status --json" </dev/null >said 2>why &
    wait
    p=$(grep -o "port.: [1-9][0-9]*" said | grep -o "[1-9].*")
    p=${p:-undefined}
    r=$( (cat why; grep "^failed:" said) | grep . | tail -n 1)
    case $p$r in undefined*nobody?can?enter*|undefined*not?authorized*|undefined*ENABLE_SSH_TO_JOB*|undefined*ssh_to_job?is?disabled*) e "Job $j runs, but nothing can reach it. $r" ;; undefined*) sleep 3 ;; esac
done
[ "$1 $p" = "2 undefined" ] && e "Job $j runs, but has no port yet: paste the line again in a minute. $r"
