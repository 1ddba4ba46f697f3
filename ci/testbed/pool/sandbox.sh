#!/bin/sh
# The first process of a sandbox, started in fresh mount and PID namespaces: makes the file systems,
# turns into the sandbox's own root, and runs a command there as PID 1.
#
#   sandbox.sh PIDFILE NAME LOWER SCRATCH [SOURCE:TARGET ...] -- COMMAND...
#
# LOWER is a Debian root, never written to; what the sandbox writes goes to SCRATCH/upper, which may
# be filled beforehand. PIDFILE gets this process's identity as the machine sees it (process.py).
set -eu
pidfile=$1 name=$2 lower=$3 scratch=$4
shift 4

read -r stat </proc/self/stat # still the machine's /proc
read -r boot </proc/sys/kernel/random/boot_id
identity() { echo "$1 ${22} $boot"; }
# shellcheck disable=SC2086
identity $stat >"$pidfile.new"
mv "$pidfile.new" "$pidfile"

root=$scratch/root
mkdir -p "$root" "$scratch/upper" "$scratch/work"
mount -t overlay -o "lowerdir=$lower,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

# A /dev of its own: users may open /dev/fuse, for Apptainer, and terminals belong to group tty (5),
# without which sshd inside a job cannot give one.
dev=$root/dev
mount -t tmpfs -o mode=755 tmpfs "$dev"
mkdir "$dev/pts" "$dev/shm"
mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts "$dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$dev/shm"
while read -r node major minor; do
    mknod -m 666 "$dev/$node" c "$major" "$minor"
done <<NODES
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
fuse 10 229
NODES
ln -s pts/ptmx "$dev/ptmx"
ln -s /proc/self/fd "$dev/fd"
ln -s fd/0 "$dev/stdin"
ln -s fd/1 "$dev/stdout"
ln -s fd/2 "$dev/stderr"

while [ "$1" != -- ]; do
    source=${1%%:*} target=$root${1#*:}
    if [ -d "$source" ]; then
        mkdir -p "$target"
    else
        mkdir -p "$(dirname "$target")"
        [ -e "$target" ] || : >"$target"
    fi
    mount --rbind "$source" "$target"
    shift
done
shift

echo "$name" >/proc/sys/kernel/hostname
cd "$root"
pivot_root . .
umount -l .
cd /
exec "$@"
