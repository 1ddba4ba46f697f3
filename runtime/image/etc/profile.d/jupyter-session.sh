# shellcheck shell=sh
# /etc/profile has just set PATH. A login shell in a session gets the session's PATH.
PATH=${JUPYTER_SESSION_PATH:-$PATH}
