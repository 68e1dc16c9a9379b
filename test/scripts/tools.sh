#!/usr/bin/env bash
# Installs what make needs and this machine lacks. Doing it again does nothing.
#
# Go is assumed, and Debian's packages when the rest is missing and we are root. What is a Go tool stands in go.mod instead.
set -euo pipefail
cd "$(dirname "$0")/../.."

buf_version=1.75.0

# need COMMAND PACKAGE...: the packages that bring the command, unless it is there.
need() {
  local command=$1
  shift
  if command -v "$command" >/dev/null; then return; fi
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "tools.sh: $command is missing: install it (Debian: $*)" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need git git
need gcc gcc libc6-dev # go test -race links with it
need node nodejs
need npm npm
need python3 python3 python3-venv

# buf comes from its npm package, which carries the binary.
if [ "$(build/buf/node_modules/.bin/buf --version 2>/dev/null || true)" != "$buf_version" ]; then
  mkdir -p build/buf
  npm install --prefix build/buf --silent --no-fund --no-audit --save-exact "@bufbuild/buf@$buf_version"
fi
