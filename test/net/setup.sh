#!/usr/bin/env bash
# Prepares a Debian machine for the network lab: a compiler for its switch, and what makes namespaces.
set -euo pipefail
packages=()
command -v gcc >/dev/null || packages+=(gcc libc6-dev)
command -v ip >/dev/null || packages+=(iproute2)
if [ "${#packages[@]}" -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}"
fi
gcc --version | sed -n 1p
ip -V
