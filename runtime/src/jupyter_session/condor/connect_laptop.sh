#!/bin/sh
# The laptop's part of the connect line: ssh to the access point, with a local port forwarded to a Unix socket there.
#
#   sh -c THIS_SCRIPT ACCESS_POINTS_PART AP JOB [PORT]
#
# connection.py folds this file into one line for bash, zsh, or fish, so it must not contain single quotes, two
# backslashes, or exclamation marks. Without a PORT, the laptop's port is made from the job's number.
#
# The folder of the socket gets its name here and now, so that nobody on the access point can make it first. What comes
# back is only printed, without control characters, and the address always leads to the laptop's own port. While ssh
# runs, the terminal may be in raw mode, in which a line ends with a carriage return, too.
expr "$2" : "[1-9][0-9.]*$" >/dev/null || exit 1
l=${3:-$((20000 + ${2%%.*} % 10000))}
d=/tmp/jupyter-$2-$(od -An -N8 -tx1 /dev/urandom | tr -d " ")

# A startup file there that waits for input, or that starts another shell, says nothing. Where ssh gets no terminal, it
# fails, and is tried again without one. What comes before our own words may lack a line end; empty lines are left out.
r() {
    {
        { sleep 20; echo; echo late; } 2>/dev/null &
        ssh "$1" -o RemoteCommand=none -o ExitOnForwardFailure=yes -o ServerAliveInterval=15 -L "127.0.0.1:$l:$d/lab" "$2" "$0 $3 $d $1 $4" 2>&1
        echo
        echo end
    } | {
        f="" i=""
        while IFS= read -r x; do
            x=$(printf %s "$x" | LC_ALL=C tr -cd "[:print:]")
            case $x in "") x=1 ;; way) i=1 x=1 ;; late) x=${i:-No command has run yet: see whether ssh $2 true waits.} ;; end) break ;; PTY*failed*) f=1 x=1 ;; *request?local?forwarding*) x="$x Another program has that port. Your own ssh configuration may forward it for $2." ;; *:*/lab?token=*) x="    http://127.0.0.1:$l/lab?token=${x##*=}" ;; esac
            [ "$x" = 1 ] || printf "%s\r\n" "$x"
        done
        [ -z $f ]
    }
}
r -t "$@" || r -T "$@"
