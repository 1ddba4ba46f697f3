#!/bin/sh
# HTCondor's Python bindings (htcondor 25.14.1, module classad2): an attribute whose value is the literal `undefined` or
# `error` isn't None and isn't missing. Indexing and `get` return a member of the IntEnum `Value`, so it is truthy, it is
# an `int`, it takes part in arithmetic, and the default that was passed to `get` isn't used. A limit such as
# `MaxSeconds = undefined` reads as 2. The same value inside an expression that refers to a missing attribute comes back
# as an unevaluated ExprTree instead.
#
# Seen:
#   Undefined as int: 2, bool: True, get(..., 3600): 2, plus one: 3
#   Error as int: 1, bool: True
#   an attribute that isn't there: get(..., 3600): 3600
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check htcondor==25.14.1
"$folder/venv/bin/python" - <<'PYTHON'
import classad2

ad = classad2.parseOne("MaxSeconds = undefined\nBroken = error\n")
limit, broken = ad["MaxSeconds"], ad["Broken"]
print(f"Undefined as int: {int(limit)}, bool: {bool(limit)}, get(..., 3600): {int(ad.get('MaxSeconds', 3600))}, "
      f"plus one: {limit + 1}")
print(f"Error as int: {int(broken)}, bool: {bool(broken)}")
print(f"an attribute that isn't there: get(..., 3600): {ad.get('Nowhere', 3600)}")
assert isinstance(limit, int) and limit and ad.get("MaxSeconds", 3600) == 2 and limit + 1 == 3
assert isinstance(broken, int) and broken == 1
PYTHON
