#!/bin/sh
# HTCondor 23.9.6 (the package of Debian trixie): a job whose program has ended stays in the state Running, with its slot
# taken and its output left on the machine, as long as somebody is logged in to it with condor_ssh_to_job. There is no
# limit to that: a shell that was forgotten in a terminal keeps the slot, and its GPU, of a job that has done its work.
# The job's event log says nothing meanwhile. When the login ends, the job does, with its output and its exit status.
#
# Run it as root on Debian or Ubuntu, with mmdebstrap and iproute2: a personal HTCondor runs in namespaces of its own.
#
# Seen:
#   while the program runs: Running
#   20 s after its end, while somebody is logged in: Running
#   after the login: Completed, exit status 7, output "done"
set -eu
[ "$(id -u)" = 0 ] || { echo "Run this as root." >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf --one-file-system "$folder"' EXIT
mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
    --include=condor,openssh-client,openssh-server,iproute2,procps trixie "$folder/root" </dev/null
chmod 755 "$folder"
cat >"$folder/root/inside.sh" <<'INSIDE'
set -eu
ip link set lo up
hostname machine
echo "127.0.0.1 localhost machine" >/etc/hosts
: >/etc/resolv.conf # nothing is asked of a server that can't be reached
case $(dpkg-query -W -f '${Version}' condor) in 23.9.6*) ;; *) echo "another version of HTCondor" >&2; exit 1 ;; esac
useradd --create-home --shell /bin/sh someone
cat >/etc/condor/config.d/99-personal <<'CONFIG'
use ROLE: Personal
use POLICY: ALWAYS_RUN_JOBS
CONDOR_HOST = 127.0.0.1
NETWORK_INTERFACE = 127.0.0.1
UID_DOMAIN = a.pool
TRUST_UID_DOMAIN = True
STARTER_ALLOW_RUNAS_OWNER = True
NEGOTIATOR_INTERVAL = 2
NEGOTIATOR_CYCLE_DELAY = 1
SCHEDD_INTERVAL = 2
STARTER_INITIAL_UPDATE_INTERVAL = 1
STARTER_UPDATE_INTERVAL = 2
CONFIG
install -d -m 755 /run/lock; install -d -m 755 -o condor /run/condor /run/lock/condor
condor_master
as() { su someone -c "cd && $*"; }
wait_for() { # COMMAND: until it succeeds, at most 90 s
    n=0
    until eval "$1"; do n=$((n + 1)); [ $n -lt 180 ] || { echo "in vain: $1" >&2; exit 1; }; sleep 0.5; done
}
wait_for 'condor_status -af Name 2>/dev/null | grep -q .'
as 'printf "%s\n" "executable = job.sh" "output = out" "log = log" "should_transfer_files = yes" queue >job.sub'
as 'printf "%s\n" "#!/bin/sh" "while [ ! -e go ]; do sleep 0.2; done" "echo done" "exit 7" >job.sh'
as 'chmod +x job.sh; condor_submit job.sub >/dev/null'
status() { as 'condor_q 1.0 -af JobStatus; condor_history 1.0 -limit 1 -af JobStatus' | head -1; }
name() { case $1 in 2) echo Running ;; 4) echo Completed ;; *) echo "JobStatus $1" ;; esac; }
wait_for '[ "$(status)" = 2 ]'
as 'condor_ssh_to_job -auto-retry 1.0 "touch go; sleep 600"' >/dev/null 2>&1 &
first=$(name "$(status)")
echo "while the program runs: $first"
wait_for '! pgrep -f "[c]ondor_exec.exe" >/dev/null && pgrep -f "[s]leep 600" >/dev/null'
sleep 20 # what is shown is that nothing happens
second=$(name "$(status)")
echo "20 s after its end, while somebody is logged in: $second"
pkill -f '[s]leep 600'
wait_for '[ "$(status)" = 4 ]'
third="$(name "$(status)"), exit status $(as condor_history 1.0 -limit 1 -af ExitCode), output \"$(cat ~someone/out)\""
echo "after the login: $third"
condor_off -daemon master >/dev/null 2>&1 || true
[ "$first/$second/$third" = 'Running/Running/Completed, exit status 7, output "done"' ]
INSIDE
# shellcheck disable=SC2016 # expanded there
unshare --mount --pid --fork --kill-child --ipc --uts --net sh -eu -c '
    root=$1
    mount --make-rprivate /
    mount --bind "$root" "$root" # HTCondor changes how its root is mounted
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount --rbind /dev "$root/dev"
    mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts "$root/dev/pts"
    chroot "$root" sh /inside.sh
' sh "$folder/root" </dev/null
