#!/usr/bin/env bash
# Prepares a Debian machine for the interop tests: installs Serf, downloads and compiles what the Go peers are built from,
# and installs what the Python peers need, so that no test waits for it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/go"
if ! command -v serf >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq serf
fi
if ! command -v go >/dev/null; then
  echo "Go is missing, and what Debian has is too old: install 1.25 or later from https://go.dev/dl" >&2
  exit 1
fi
go mod download github.com/hashicorp/memberlist connectrpc.com/connect google.golang.org/protobuf
go build -o /dev/null .
go build connectrpc.com/connect google.golang.org/protobuf/encoding/protojson
go tool -n protoc-gen-go >/dev/null
go tool -n protoc-gen-connect-go >/dev/null
if [ ! -x "$here/python/.venv/bin/pip" ]; then
  python3 -c 'import ensurepip' 2>/dev/null || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv
  }
  python3 -m venv "$here/python/.venv"
fi
"$here/python/.venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/python/requirements.txt"
# The version that it prints is not that of the package.
serf version | sed -n 1p
go version
"$here/python/.venv/bin/python" --version
