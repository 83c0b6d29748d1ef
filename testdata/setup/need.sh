#!/usr/bin/env bash
# Installs what is missing of the programs named as COMMAND:PACKAGE, from Debian's packages.
# With nothing missing it changes nothing and needs no rights.
set -euo pipefail

missing=()
for pair in "$@"; do
  command=${pair%%:*} package=${pair#*:}
  # System programs such as qemu's may lie where only root's PATH leads.
  PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

raise=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "missing: ${missing[*]}; install them as root: apt-get install ${missing[*]}" >&2
    exit 1
  }
  raise=(sudo)
fi
command -v apt-get >/dev/null || {
  echo "missing: ${missing[*]} (these are the names of Debian's packages; this system has no apt-get)" >&2
  exit 1
}
echo "installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${raise[@]}" apt-get update -qq &&
  "${raise[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
  cat "$log" >&2
  exit 1
fi
