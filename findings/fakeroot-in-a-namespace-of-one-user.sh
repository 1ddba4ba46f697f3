#!/bin/sh
# fakeroot 1.31 (Debian 12) in a user namespace that maps one user, as a user without an entry in /etc/subuid has it in
# `apptainer build`: chown to any other owner fails with "Invalid argument", so that dpkg can't unpack a package with a
# file of another group. fakeroot tries the real chown first and passes over its refusal only if that is EPERM; for an
# ID that the namespace doesn't map, the kernel says EINVAL. With FAKEROOTDONTTRYCHOWN=1, which its man page names for
# file systems that misbehave, it doesn't try, and works. Outside of a namespace it works for the same user.
#
# Seen: outside 0:8; inside "Invalid argument"; inside, without trying, 0:8.
#
# It needs Debian 12's package archive (apt-get download) and unprivileged user namespaces.
set -eu
version=1.31-1.2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get -qq download "fakeroot=$version" "libfakeroot=$version" 2>/dev/null
for package in ./*.deb; do
    dpkg-deb -x "$package" root
done
library=$(find "$folder/root" -name libfakeroot-sysv.so)
mkdir work
chmod 777 work

# Starts fakeroot from the folder as somebody who isn't root, and prints the owners that a file has after chown.
cat >try.sh <<'SCRIPT'
cd "$1/work"
: >file
"$1/root/usr/bin/fakeroot-sysv" -l "$2" -f "$1/root/usr/bin/faked-sysv" -- \
    sh -c 'chown 0:8 file 2>&1 && stat -c %u:%g file' | sed 's/.*: //'
rm -f file
SCRIPT
as_somebody() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
    else
        "$@"
    fi
}
outside=$(as_somebody sh try.sh "$folder" "$library")
inside=$(as_somebody unshare --user --map-root-user sh try.sh "$folder" "$library")
untried=$(as_somebody env FAKEROOTDONTTRYCHOWN=1 unshare --user --map-root-user sh try.sh "$folder" "$library")
echo "outside: $outside; in a namespace of one user: $inside; without trying: $untried"
[ "$outside, $inside, $untried" = "0:8, Invalid argument, 0:8" ]
