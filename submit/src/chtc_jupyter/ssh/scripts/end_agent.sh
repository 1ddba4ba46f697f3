#!/bin/sh
# The reaper of the agent on the access point: outlives it for as long as it takes to end all that it has started, and
# to remove its folder.
#
#   sh -c THIS_SCRIPT NAME PROCESS_GROUP FOLDER <PIPE
#
# The agent never writes into the pipe. The end of the pipe is the end of the agent, whatever ended it.
trap '' HUP INT TERM
read -r _
kill -s TERM -- "-$1"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
  kill -s 0 -- "-$1" && sleep 0.2
done
kill -s KILL -- "-$1"
rm -rf -- "$2"
