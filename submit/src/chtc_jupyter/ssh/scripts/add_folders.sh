#!/bin/sh
# A part of the scripts beside it: the folders that the user names, their arguments, come first.
# shellcheck disable=SC2034
f=
for d in "$@"
do
  case $d in /*) f=$f$d: ;; esac
done
PATH=$f$PATH
