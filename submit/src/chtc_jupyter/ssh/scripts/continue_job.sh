#!/bin/sh
# The guard of a job that is suspended for a moment: it takes over if the process that continues the job is killed.
#
#   sh -c THIS_SCRIPT NAME SOURCE PLAN PYTHON <PIPE
#
# That process writes "asked" before it suspends the job, and "done" when there is nothing left to do. The end of the
# pipe without that is its death, and the end of the command that suspends, which keeps the pipe open, too.
trap '' HUP INT TERM
verb=forget
while read -r said; do
  [ "$said" = "done" ] && exit
  verb="continue"
done
tries=0
until "$3" -I -c 'import sys; exec(sys.argv[1])' "$1" "$verb" "$2"; do
  tries=$((tries + 1))
  [ "$tries" -lt 1000 ] || exit
  sleep 1
done
