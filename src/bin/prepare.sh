#!/bin/sh
# Makes a checkout ready to run: the packages, with the pinned Node among them. Quick when that was done before.
# usage: prepare.sh [--quiet]
cd "$(dirname "$0")/../.." || exit 1
if [ -x node_modules/.bin/node ] && [ node_modules/.package-lock.json -nt package-lock.json ]; then
  exit 0
fi
if [ ! -w . ]; then
  echo "rpc-dns: cannot install packages: no permission to write to $(pwd)" >&2
  exit 1
fi
echo 'rpc-dns: installing packages, the pinned Node 24 among them (about 320 MB, 15 s; once)' >&2
npm ci --no-audit --no-fund --loglevel=error >&2 || exit 1
touch node_modules/.package-lock.json
