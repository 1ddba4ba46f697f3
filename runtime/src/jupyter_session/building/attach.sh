#!/bin/sh
# Give an image that the portable JupyterLab was unpacked in what it lacks: links, in its own folders, to what is beside this
# file. What the image has stays as it is.
set -eu
system=$(dirname "$0")
# Python isn't among them: programs of the image would take it for their own.
find "$system/usr" "$system/etc" -name 'python3*' -prune -o ! -type d -print | while read -r file; do
    path=${file#"$system"}
    [ ! -e "$path" ] && [ ! -L "$path" ] || continue
    mkdir -p "$(dirname "$path")"
    ln -s "$file" "$path"
done
[ -e /bin/bash ] || ln -s "$system/usr/bin/bash" /bin/bash
