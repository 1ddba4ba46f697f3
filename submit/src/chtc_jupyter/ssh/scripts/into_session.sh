#!/bin/sh
# In the job, or on its machine: sets $* to the command that is `jupyter-session` in the job, or to nothing.
#
# An HTCondor before 24.0.20 or 25.0.10 runs what condor_ssh_to_job is given outside of the container, as the user of the
# job. That user may enter the namespaces of the container unless Apptainer is setuid there. The process to follow is the
# first below those of the job that has the image for its root. The machine may give a container no PID namespace of its
# own, and nobody may enter that of the machine. `ssh/entry.py` folds this file into one line, and so does
# jupyter_session/condor/connection.py with its copy: no quotes, and neither backslashes nor exclamation marks.
# shellcheck disable=SC2015,SC2034,SC2048,SC2086
set -- jupyter-session
command -v $1 >/dev/null || {
  l=$_CONDOR_JOB_PIDS
  for i in 1 2 3 4
  do
    for p in $l
    do
      [ -h /proc/$p/root/usr/local/bin/$1 ] && break 2
      p=
    done
    l=$(for q in $l; do cat /proc/$q/task/*/children; done)
  done
  set -- nsenter -U --preserve-credentials -m -r -w -t $p
  [ /proc/self/ns/pid -ef /proc/$p/ns/pid ] || set -- $* -p
  [ /proc/self/ns/ipc -ef /proc/$p/ns/ipc ] || set -- $* -i
  $* true 2>/dev/null && set -- $* /usr/local/bin/jupyter-session || set --
}
