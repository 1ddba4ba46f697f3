#!/bin/sh
# The guard of a job that is suspended for a moment: it takes over if the process that continues the job is killed.
#
#   sh -c THIS_SCRIPT NAME SOURCE PLAN <PIPE
#
# That process writes "done" when there is nothing left to do. The end of the pipe without it is its death.
trap '' HUP INT TERM
read -r said
[ "$said" = "done" ] && exit
tries=0
until python3 -I -c 'import sys; exec(sys.argv[1])' "$1" continue "$2"; do
  tries=$((tries + 1))
  [ "$tries" -lt 1000 ] || exit
  sleep 1
done
