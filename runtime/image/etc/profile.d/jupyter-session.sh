# shellcheck shell=sh
# /etc/profile has set PATH anew: a login shell in a session has the session's.
PATH=${JUPYTER_SESSION_PATH:-$PATH}
