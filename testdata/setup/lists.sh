#!/usr/bin/env bash
# Fetches apt's package lists if they are not there: the demo guest is made of packages that are downloaded, not installed.
set -euo pipefail

apt-cache show --no-all-versions linux-image-cloud-amd64 >/dev/null 2>&1 && exit 0
raise=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "apt has no package lists; as root: apt-get update" >&2
    exit 1
  }
  raise=(sudo)
fi
"${raise[@]}" apt-get update -qq
