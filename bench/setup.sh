#!/usr/bin/env bash
# Prepares a Debian machine for the whole bench: installs the packages of bench/, and a NATS server. What is missing is left
# out by the bench, and named.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
npm ci --no-audit --no-fund
if ! command -v nats-server >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nats-server
fi
nats-server --version
