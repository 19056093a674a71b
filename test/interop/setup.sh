#!/usr/bin/env bash
# Prepares a Debian machine for the interop tests: installs Serf, and downloads and compiles what the Go peers are
# built from, so that no test waits for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/go"
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
# The version that it prints is not that of the package.
serf version | sed -n 1p
go version
