#!/usr/bin/env bash
# Boots the demo guest and leaves you in its shell. ^] leaves; the guest is then powered off.
set -euo pipefail

conbroker=$(realpath "$1")
cd "$(dirname "$0")/../guest"
dir=$(mktemp -d)
file=$(./machine.sh tst100 "$dir")

clear_up() {
  echo "==> powering the demo guest off"
  "$conbroker" cancel "p:$file" --timeout=10 >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap clear_up EXIT

echo "==> conbroker open p:$file   (^] leaves)"
"$conbroker" open "p:$file"
