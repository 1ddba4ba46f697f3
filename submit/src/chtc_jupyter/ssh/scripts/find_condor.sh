#!/bin/sh
# A part of the scripts beside it: HTCondor may be missing in the PATH of a command that ssh runs.
ADD_FOLDERS
command -v condor_q >/dev/null || PATH=$PATH:/usr/bin:/usr/local/bin:/usr/local/condor/bin:$(echo /opt/condor*/bin /opt/*/condor*/bin | tr " " :)
