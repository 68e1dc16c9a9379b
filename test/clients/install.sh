#!/usr/bin/env bash
# Installs the clients of other people that the tests run, at pinned versions, into .installed/ beside this file. Running it again
# costs nothing; a changed version installs anew. librabbitmq's tools are Debian's, and follow its version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

AMQPLIB=2.3.1

mkdir -p .installed
exec 9>.installed/lock
flock 9

# Debian's packages, where the machine does not have the programs already.
install_debian() {
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}
have() { for program; do command -v "$program" >/dev/null || return 1; done; }
have node npm || install_debian nodejs npm
have python3 || install_debian python3
python3 -c 'import ensurepip' 2>/dev/null || install_debian python3-venv
have amqp-publish amqp-consume amqp-get amqp-declare-queue amqp-delete-queue || install_debian amqp-tools

stamp=$(cat install.sh testdata/requirements.txt | sha256sum)
if [[ "$(cat .installed/stamp 2>/dev/null)" != "$stamp" ]]; then
	rm -rf .installed/python .installed/node
	python3 -m venv .installed/python
	.installed/python/bin/pip install --quiet --disable-pip-version-check --no-deps -r testdata/requirements.txt
	mkdir -p .installed/node
	npm install --prefix .installed/node --no-save --no-audit --no-fund --loglevel=error "amqplib@$AMQPLIB"
	echo "$stamp" >.installed/stamp
fi
