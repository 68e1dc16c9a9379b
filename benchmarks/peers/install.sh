#!/usr/bin/env bash
# Installs RabbitMQ from Debian's packages, unless it is there. It is not started: the benchmark starts a node of its own.
set -euo pipefail

if ls /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "install.sh: RabbitMQ is missing: install it (Debian: rabbitmq-server)" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # at level 1 a package does not start its service
apt-get update -qq
apt-get install -y -qq --no-install-recommends rabbitmq-server >/dev/null
