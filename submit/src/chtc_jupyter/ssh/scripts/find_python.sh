#!/bin/sh
# Runs the launcher's code by the first Python on the access point that is new enough.
#
#   sh -c THIS_SCRIPT CODE TAG [FOLDER...]
#
# Startup files may set PATH only for a login, or for an interactive shell, so that a command that ssh runs has the
# system's old python3, or none. ../entry.py folds this file into one line; see enter_job.sh. Exits with 93 if there are
# only older ones, and with 127 if there is none.
# shellcheck disable=SC2154
c=$0 t=$1 s=127
# The folders that the user names come first, here and for all that this Python runs.
ADD_FOLDERS
export PATH
use() {
  [ -x "$1" ] || return
  s=93
  "$1" -IS -c "import sys; sys.exit(sys.version_info < (3, 9))" </dev/null >/dev/null 2>&1 && exec "$1" -IS -c "$c" "$t"
}
use_path() {
  use "$(command -v python3)"
  for n in 14 13 12 11 10 9
  do
    use "$(command -v python3.$n)"
  done
}
use_path
for p in /usr/bin/python3 /usr/local/bin/python3 /usr/bin/python3.? /usr/bin/python3.?? /usr/local/bin/python3.? /usr/local/bin/python3.??
do
  use "$p"
done
for p in /usr/libexec/platform-python /opt/*/bin/python3 ~/bin/python3 ~/.local/bin/python3 ~/*conda3/bin/python3 ~/*forge3/bin/python3
do
  use "$p"
done
# The PATH that the user has at a login. Any shell reads this; tcsh takes no command beside -l.
p=$(echo /usr/bin/env | timeout 10 "${SHELL:-/bin/sh}" -l 2>/dev/null | timeout 12 sed -n "/^PATH=/{s/^PATH=//p;q}")
PATH=$f${p:+$p:}$PATH
use_path
exit $s
