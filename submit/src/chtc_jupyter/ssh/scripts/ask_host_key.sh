#!/bin/sh
# A part of the scripts beside it: asks job $j for its host key; q is a dollar sign for the shell there. A try that is
# ended leaves the folder of condor_ssh_to_job, which is in TMP.
# shellcheck disable=SC2034,SC2064,SC2154
{
  t=$(mktemp -d "/tmp/jupyter-$j-XXXXXXXXXX") || exit 1
  trap "rm -rf $t" EXIT
  trap "exit 1" HUP INT TERM
  h=$(TMP=$t timeout 30 condor_ssh_to_job -auto-retry "$j" "INTO_SESSION; exec ${q}* status --json" </dev/null 2>/dev/null | grep -o "ssh-ed25519 AAAA[A-Za-z0-9+/=]*")
  rm -rf "$t"
}
